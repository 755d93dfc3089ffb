#pragma once
/// The arithmetic of one tensor, applied to any run of its elements: pure functions of bytes.

#include <dare/core/dtype.hpp>
#include <dare/merge/run.hpp>
#include <dare/merge/settings.hpp>
#include <dare/merge/statistics.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace dare::merge {

/// Merges one tensor run by run. Const members are Local and may be called from any thread with scratch of its own.
class TensorMerger {
 public:
  /// Working memory of a caller; reused between calls, for any tensor.
  struct Scratch;
  struct ScratchDeleter {
    void operator()(Scratch*) const noexcept;
  };
  using ScratchPtr = std::unique_ptr<Scratch, ScratchDeleter>;
  /// @param shares_draws  runs of up to k_shared_run elements will be merged with one setting after another: those that draw from the
  ///                      same streams, with any drop rate, draw once. Takes 80 KiB a model.
  [[nodiscard]] static ScratchPtr make_scratch(bool shares_draws = false);
  static constexpr std::uint64_t k_shared_run = 32768;

  /// @param statistics  what a Survey found, where statistics_passes(settings) is not 0.
  explicit TensorMerger(TensorSettings settings, TensorStatistics statistics = {});

  [[nodiscard]] const TensorSettings& settings() const noexcept { return settings_; }

  /// From now on without vector kernels: the same bytes from the plain loops, which define them. For tests alone, which compare the two.
  void use_plain() noexcept { plain_only_ = true; }

  /// Merges run.wanted.
  /// @param out  bytes of out_dtype for run.wanted.elements; may not overlap an input. Unspecified after a finding.
  /// @return the lowest (index, model) that the settings call an error, or nothing.
  [[nodiscard]] std::optional<Finding> merge(const Run& run, std::span<std::byte> out, Counts& counts, Scratch& scratch) const;

  /// The same for elements [first, first + n), n being what `out` holds, where no more than they are needed.
  /// @param base    the elements of these that the base has, in base_dtype, little-endian, any alignment.
  /// @param models  likewise, one span for each term, of the term's dtype.
  [[nodiscard]] std::optional<Finding> merge(std::uint64_t first, std::span<const std::byte> base,
                                             std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts,
                                             Scratch& scratch) const;

 private:
  template <class W>
  std::optional<Finding> merge_in(const Run& run, std::span<std::byte> out, Counts& counts, Scratch& scratch) const;
  std::optional<Finding> merge_plain(const Run& run, std::span<std::byte> out, Counts& counts, Scratch& scratch) const;

  TensorSettings settings_;
  TensorStatistics statistics_;
  bool plain_only_ = false;
};

/// Converts n elements between floating types: exact widening, or one rounding half to even.
/// @param nonfinite  keep: infinity into F8_E4M3, which has none, becomes NaN; error: it counts as a value that does not fit.
/// @return the lowest index whose value does not fit `to`, or nothing.
[[nodiscard]] std::optional<std::uint64_t> convert(Dtype from, std::span<const std::byte> in, Dtype to, std::span<std::byte> out,
                                                   Overflow overflow, Nonfinite nonfinite = Nonfinite::error);

/// How many elements of a floating type are infinite or NaN. Pure.
[[nodiscard]] std::uint64_t count_nonfinite(Dtype dtype, std::span<const std::byte> elements) noexcept;

}  // namespace dare::merge
