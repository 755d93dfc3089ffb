#pragma once
/// One rank's reading and merging of one tile after another.

#include "pipeline/timings.hpp"
#include "pipeline/work.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/plan/partition.hpp>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dare::pipeline {

class TileWorker {
 public:
  /// Opens all inputs. Collective. References must outlive it.
  TileWorker(const Work& work, const comm::Communicator& world, Timings& timings);

  /// Computes the tile's bytes in one product; what products share is read once for a tile. Local.
  /// @throws InputError  what the inputs' values show that the recipe calls an error: the tile's lowest (index, model).
  /// @throws IoError
  void compute(const plan::Tile& tile, std::size_t product, std::span<std::byte> out);
  [[nodiscard]] const merge::Counts& counts(std::size_t product) const { return products_[product].counts; }
  /// Collective.
  void close();

 private:
  struct Input {
    std::unique_ptr<checkpoint::CheckpointReader> reader;
    std::vector<std::byte> bytes;         // of the tile at hand
    std::optional<std::uint32_t> tensor;  // that they belong to
  };
  struct Product {
    std::optional<merge::TensorMerger> merger;  // of the tensor at hand, where it is merged
    merge::Counts counts;
  };

  void enter(const plan::Tile& tile);
  std::span<const std::byte> read(std::size_t input, std::uint32_t tensor);
  std::span<const std::byte> read(const recipe::TensorTask::Input& input);
  void copy(const recipe::TensorTask& task, std::span<std::byte> out);
  void convert(const recipe::TensorTask& task, std::span<std::byte> out);
  void merge(const recipe::TensorTask& task, Product& product, std::span<std::byte> out);
  [[noreturn]] void report(const recipe::TensorTask& task, const merge::Finding& finding) const;

  const Work& work_;
  Timings& timings_;
  std::vector<Input> inputs_;
  std::vector<Product> products_;
  std::optional<plan::Tile> tile_;
  std::vector<std::span<const std::byte>> models_;
  merge::TensorMerger::ScratchPtr scratch_ = merge::TensorMerger::make_scratch();
};

}  // namespace dare::pipeline
