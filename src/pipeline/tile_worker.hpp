#pragma once
/// One rank's reading and merging of one tile after another.

#include "pipeline/delta_report.hpp"
#include "pipeline/inputs.hpp"
#include "pipeline/survey_loop.hpp"

#include <dare/merge/tensor_merger.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/plan/partition.hpp>

#include <optional>
#include <span>
#include <vector>

namespace dare::pipeline {

class TileWorker {
 public:
  /// @param statistics  by product and task; see survey().  References must outlive it.
  /// @param tile_elements  the most of a tile.
  TileWorker(const Work& work, Inputs& inputs, const std::vector<ProductStatistics>& statistics, Timings& timings,
             std::uint64_t tile_elements = plan::k_block_elements);

  /// Computes the tile's bytes in one product; what products share is read once for a tile. Local.
  /// @throws InputError  what the inputs' values show that the recipe calls an error: the tile's lowest (index, model).
  /// @throws IoError
  void compute(const plan::Tile& tile, std::size_t product, std::span<std::byte> out);
  [[nodiscard]] const merge::Counts& counts(std::size_t product) const { return products_[product].counts; }
  /// Where the elements merged so far, in any product, had a delta.
  [[nodiscard]] const DeltaFlags& deltas() const { return deltas_; }

 private:
  struct Product {
    std::optional<merge::TensorMerger> merger;  // of the tensor at hand, where it is merged
    std::vector<std::byte> kept;                // its result, or a row's, where more than a tile is computed at once
    merge::Extent kept_extent;
    merge::Counts counts;
  };

  void enter(std::uint32_t tensor);
  void make(const plan::Tile& tile, const recipe::TensorTask& task, std::size_t product, std::span<std::byte> out);
  void copy(const plan::Tile& tile, const recipe::TensorTask& task, std::span<std::byte> out);
  void convert(const plan::Tile& tile, const recipe::TensorTask& task, std::span<std::byte> out);
  void sample_likeness(const merge::Run& run, const recipe::TensorTask& task, std::size_t term);
  void look_for_deltas(const merge::Run& run, const plan::Tile& tile, const recipe::TensorTask& task);
  void merge(merge::Extent wanted, const plan::Tile& tile, const recipe::TensorTask& task, Product& product, std::span<std::byte> out);
  void merge_from(merge::Extent extent, const plan::Tile& tile, const recipe::TensorTask& task, Product& product, std::span<std::byte> out);
  void merge_long_rows(const plan::Tile& tile, const recipe::TensorTask& task, Product& product, std::span<std::byte> out);

  const Work& work_;
  Inputs& inputs_;
  const std::vector<ProductStatistics>& statistics_;
  std::uint64_t tile_elements_;
  Timings& timings_;
  std::vector<Product> products_;
  DeltaFlags deltas_;
  std::optional<std::uint32_t> tensor_;
  merge::TensorMerger::ScratchPtr scratch_;
};

}  // namespace dare::pipeline
