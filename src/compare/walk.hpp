#pragma once
/// Two checkpoints read side by side, shared by the ranks, with results that do not depend on how.

#include "compare/pairs.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/checkpoint/reader.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/merge/statistics.hpp>
#include <dare/plan/partition.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace dare::compare {

/// A run of a pair's elements: never more than merge::k_sum_block, and aligned to it.
struct Stretch {
  std::size_t pair = 0;  ///< position in the batch
  std::uint64_t first = 0;
  std::uint64_t elements = 0;
  std::span<const std::byte> a;  ///< as stored
  std::span<const std::byte> b;
  std::span<const double> change = {};  ///< where A is a LoRA adapter's product: what it adds to B, in a merge's working type; `a` is empty
  std::span<const std::uint8_t> left_out = {};  ///< where A is a delta checkpoint's: 1 for the elements that it has not; empty for none
};

/// Runs of consecutive pairs that are walked together: at most `most_pairs` of them, and so many elements that every rank has work while
/// their results fit in memory. Pure.
[[nodiscard]] std::vector<std::span<const Pair>> batches(const std::vector<Pair>& pairs, std::size_t most_pairs);

class PairWalk {
 public:
  /// Opens both. Collective. References must outlive it. @throws comm::AgreedError
  PairWalk(const checkpoint::Header& a, const checkpoint::Header& b, const comm::Communicator& world);
  /// Collective.
  void close();

  /// Calls `measure(stretch)` for every stretch of the batch, each on one rank, and returns what it returned in the order of the pairs and
  /// their elements: on all ranks, and the same at any number of them. Collective. @throws comm::AgreedError
  template <class Result, class Measure>
  [[nodiscard]] std::vector<Result> walk(std::span<const Pair> batch, Measure&& measure) {
    const auto grid = grid_of(batch);
    const auto shares = plan::partition(grid, plan::remaining(grid, {}), world_.size());
    std::vector<Result> mine;
    world_.agree([&] {
      for (plan::TileCursor cursor{grid, shares[static_cast<std::size_t>(world_.rank())], merge::k_sum_block}; !cursor.done();) {
        const auto tile = cursor.next();
        mine.push_back(measure(read(batch, tile)));
      }
    });
    return world_.all_gather(mine);  // shares are consecutive
  }

 private:
  [[nodiscard]] plan::Grid grid_of(std::span<const Pair> batch) const;
  [[nodiscard]] Stretch read(std::span<const Pair> batch, const plan::Tile& tile);
  void read_change(const checkpoint::TensorInfo& a, const checkpoint::TensorInfo& b, const plan::Tile& tile);
  void mark_left_out(std::uint32_t tensor, const plan::Tile& tile);

  const checkpoint::Header& a_;
  const checkpoint::Header& b_;
  const comm::Communicator& world_;
  std::unique_ptr<checkpoint::CheckpointReader> reader_a_;
  std::unique_ptr<checkpoint::CheckpointReader> reader_b_;
  std::vector<std::byte> bytes_a_;
  std::vector<std::byte> bytes_b_;
  std::unique_ptr<checkpoint::LoraReader> low_rank_;  // of an adapter
  std::vector<float> narrow_;
  std::vector<double> change_;
  std::vector<std::uint8_t> left_out_;
};

/// How many stretches a pair has.
[[nodiscard]] inline std::size_t stretches_of(const Pair& pair) noexcept {
  return static_cast<std::size_t>(merge::sum_blocks(pair.elements));
}

}  // namespace dare::compare
