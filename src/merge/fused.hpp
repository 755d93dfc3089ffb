#pragma once
/// The common methods in one pass of vector kernels: the same bytes as the plain path of TensorMerger, many times faster.

#include "merge/draw_cache.hpp"

#include <dare/merge/tensor_merger.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dare::merge {

/// Whether the kernels know this method and these types: dare or no sparsifier, task_arithmetic or ties, expected or no rescale.
[[nodiscard]] bool fused_applies(const TensorSettings& settings);

/// Buffers of a strip, which go from one FusedMerge to the next.
struct FusedRoom {
  template <class W>
  struct Values {
    std::vector<W> terms;
    std::vector<W> staged;
  };
  std::vector<std::uint16_t> draws;
  Values<float> narrow;
  Values<double> wide;
  std::optional<DrawCache> shared;  ///< where the next settings may draw from the same streams
};

/// What depends on the settings alone: streams, thresholds, coefficients. Not for two threads at once.
class FusedMerge {
 public:
  /// Both must outlive this.  @pre fused_applies(settings)
  FusedMerge(const TensorSettings& settings, FusedRoom& room);
  ~FusedMerge();

  /// Merges elements [first, first + n) up to where the plain path is needed: a value that is not finite, an overflow, or elements that
  /// not every model has. Adds to `counts` what it merged.
  /// @return how many leading elements are done; where fewer than n, the k_strip next ones are for the plain path, which says why.
  std::size_t run(std::uint64_t first, std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                  std::span<std::byte> out, Counts& counts);

  /// Elements of a strip: its draws, inputs and output lie in the first-level cache together.
  static constexpr std::size_t k_strip = DrawCache::k_strip;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dare::merge
