#pragma once
/// What a method does to a tensor, in numbers, without writing it.

#include <dare/merge/run.hpp>
#include <dare/merge/settings.hpp>
#include <dare/merge/statistics.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dare::merge {

/// Counts and sums over elements. d is a model's delta; d' what sparsifier and rescale leave of it, g d where kept and 0 where dropped; m
/// the change of the merged element; u what it were without sparsifier and rescale. All are in the working type, products and sums in
/// float64. The sums' order is fixed: element i of an aligned run of 2,048 is added to the sum i mod 16 of 16, which are added in pairs
/// (i and i + 8, then i + 4, ...); what is summed over all models too is summed by model first; the runs' sums are added in order.
struct Measures {
  std::uint64_t deltas = 0;     ///< elements of all models
  std::uint64_t kept = 0;       ///< of these
  std::uint64_t conflicts = 0;  ///< elements where kept deltas of two models have different signs
  Counts counts;                ///< elements merged, and those that rounding to the output type lost; `nonfinite` is not counted here
  double delta = 0;             ///< sum of d^2 over all models
  double error = 0;             ///< sum of (d' - d)^2 over all models: (g - 1)^2 times the kept part of delta, and the rest of it
  double product = 0;           ///< sum of m u
  double merged = 0;            ///< sum of m^2
  double undropped = 0;         ///< sum of u^2

  /// Adds another's counts and sums to this one's. Float64 sums depend on the order: semantics.md 2 says which.
  void add(const Measures& other) noexcept;
};

/// Measures one tensor run by run. Const members are Local and may be called from any thread with scratch of its own.
class TensorMeasurer {
 public:
  struct Scratch;
  struct ScratchDeleter {
    void operator()(Scratch*) const noexcept;
  };
  using ScratchPtr = std::unique_ptr<Scratch, ScratchDeleter>;
  [[nodiscard]] static ScratchPtr make_scratch();

  /// Whether a tensor of these settings can be measured: not where a method needs whole tensors, or coefficients of rows.
  [[nodiscard]] static bool can_measure(const TensorSettings& settings) noexcept;

  /// @param statistics  what a Survey found, where statistics_passes(settings) is not 0.
  /// @pre can_measure(settings)
  explicit TensorMeasurer(TensorSettings settings, TensorStatistics statistics = {});

  [[nodiscard]] const TensorSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] const TensorStatistics& statistics() const noexcept { return statistics_; }

  /// Measures run.wanted. Each aligned block of k_sum_block elements has sums of its own, which go on where they stand: runs of one block
  /// come in order, each from a multiple of 2,048 elements to another or to the tensor's end.
  /// @param blocks  those of the blocks that run.wanted lies in, the first being that of run.wanted.first.
  /// @return the lowest (index, model) that the settings call an error, or nothing.
  [[nodiscard]] std::optional<Finding> measure(const Run& run, std::span<Measures> blocks, Scratch& scratch) const;

 private:
  template <class W>
  std::optional<Finding> measure_in(const Run& run, std::span<Measures> blocks, Scratch& scratch) const;

  TensorSettings settings_;
  TensorSettings undropped_;  ///< the same without sparsifier and rescale
  TensorStatistics statistics_;
};

/// Several settings of one tensor, measured in one reading of its elements: the same counts and sums as each alone, many times faster.
class SharedMeasurer {
 public:
  /// Whether the kernels know these settings: bfloat16 throughout, dare or no sparsifier, task_arithmetic, expected or no rescale.
  [[nodiscard]] static bool can_share(const TensorSettings& settings) noexcept;

  /// @param measurers  of one tensor of the same models; they must outlive this.  @pre can_share() of each
  explicit SharedMeasurer(std::vector<const TensorMeasurer*> measurers);
  ~SharedMeasurer();
  SharedMeasurer(SharedMeasurer&&) noexcept;
  SharedMeasurer& operator=(SharedMeasurer&&) noexcept;

  /// As TensorMeasurer::measure, for each setting that has no finding yet. Not for two threads at once.
  /// @param blocks    by setting.
  /// @param findings  by setting; the first of each is put there.
  void measure(const Run& run, std::span<const std::span<Measures>> blocks, std::span<std::optional<Finding>> findings,
               TensorMeasurer::Scratch& scratch);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dare::merge
