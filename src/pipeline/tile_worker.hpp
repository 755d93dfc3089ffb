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

  /// Computes the tile's bytes. Local.
  /// @throws InputError  what the inputs' values show that the recipe calls an error: the tile's lowest (index, model).
  /// @throws IoError
  void compute(const plan::Tile& tile, std::span<std::byte> out);
  [[nodiscard]] const merge::Counts& counts() const noexcept { return counts_; }
  /// Collective.
  void close();

 private:
  void enter(std::uint32_t tensor);
  std::span<std::byte> read(int model, std::uint32_t tensor, const plan::Tile& tile, std::size_t buffer);
  void copy(const plan::Tile& tile, std::span<std::byte> out);

  const Work& work_;
  Timings& timings_;
  std::vector<std::unique_ptr<checkpoint::CheckpointReader>> readers_;  // base, then models
  std::vector<std::vector<std::byte>> buffers_;
  std::vector<std::span<const std::byte>> models_;
  std::optional<std::uint32_t> tensor_;
  std::optional<merge::TensorMerger> merger_;
  merge::TensorMerger::ScratchPtr scratch_ = merge::TensorMerger::make_scratch();
  merge::Counts counts_;
};

}  // namespace dare::pipeline
