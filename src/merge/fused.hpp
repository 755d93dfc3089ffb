#pragma once
/// The common methods in one pass of vector kernels: the same bytes as the plain path of TensorMerger, many times faster.

#include <dare/merge/tensor_merger.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace dare::merge {

/// Whether the kernels know this method and these types: dare or no sparsifier, task_arithmetic or ties, expected or no rescale.
[[nodiscard]] bool fused_applies(const TensorSettings& settings);

/// What depends on the settings alone (streams, thresholds, coefficients) and the buffers of a strip. Not for two threads at once.
class FusedMerge {
 public:
  /// @pre fused_applies(settings), which must outlive this
  explicit FusedMerge(const TensorSettings& settings);
  ~FusedMerge();

  /// Merges elements [first, first + n) up to where the plain path is needed: a value that is not finite, an overflow, or elements that
  /// not every model has. Adds to `counts` what it merged.
  /// @return how many leading elements are done; where fewer than n, the k_careful next ones are for the plain path, which says why.
  std::size_t run(std::uint64_t first, std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                  std::span<std::byte> out, Counts& counts);

  /// Elements of a strip: its draws, inputs and output lie in the first-level cache together.
  static constexpr std::size_t k_strip = 1024;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dare::merge
