#pragma once
/// The sums of a statistics pass, as long as they are not added up.

#include <dare/comm/communicator.hpp>
#include <dare/merge/measure.hpp>
#include <dare/pipeline/measure.hpp>
#include <dare/plan/grid.hpp>
#include <dare/plan/partition.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace dare::pipeline {

/// By rank, the blocks whose sums it holds: those of its share, and whatever is between them and the next rank's. Together all blocks of
/// the grid, in order. Pure.
[[nodiscard]] std::vector<plan::BlockRange> held_blocks(const std::vector<plan::Share>& shares, std::uint64_t blocks);

/// One rank's, of every product: for each block of the grid those of its aligned runs of k_sum_block elements.
class BlockSums {
 public:
  /// All zero. @param held  this rank's of held_blocks().  The grid must outlive it.
  BlockSums(const plan::Grid& grid, plan::BlockRange held, std::size_t products);

  [[nodiscard]] plan::BlockRange held() const noexcept { return held_; }
  /// The sums of one block. @pre it is held
  [[nodiscard]] std::span<merge::Measures> of(std::size_t product, std::uint64_t block);
  /// Adds up the sums of every tensor's blocks in order, whichever ranks hold them, of some products: into `all`, by product. Some products
  /// and tensors at a time, to bound the memory. Collective.
  void add_up(std::span<const std::size_t> products, std::vector<ProductMeasures>& all, const comm::Communicator& world) const;

 private:
  void add_up_together(std::span<const std::size_t> products, std::vector<ProductMeasures>& all, const comm::Communicator& world) const;

  const plan::Grid& grid_;
  plan::BlockRange held_;
  std::vector<std::size_t> places_;  // of the held blocks' first sums; one more: the end
  std::vector<std::size_t> mine_;    // by tensor, sums that this rank has
  std::vector<std::vector<merge::Measures>> of_products_;
};

}  // namespace dare::pipeline
