#pragma once
/// What fine-tuning changed in a tensor, in figures that tell whether DARE can drop most of it.

#include "compare/difference.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dare::compare {

/// Sums over a stretch of delta = F - B, each in element order. Elements where F or B is not finite are counted and left out.
struct DeltaSums {
  std::uint64_t elements = 0;
  std::uint64_t nonfinite = 0;
  std::uint64_t zero = 0;  ///< F == B
  std::uint64_t lost = 0;  ///< F != B, and equal once both are rounded to the output type
  double size = 0;         ///< sum of |delta|
  Peak<double> largest;    ///< |delta|
  double dd = 0;           ///< sum of delta^2
  double bb = 0;
  double ff = 0;
  double bf = 0;

  void add(const DeltaSums& next) noexcept;
};

/// Sums of delta along rows that a stretch may cut: of the row it begins in, of the squares of sums of rows within, of the row it ends in.
struct RowSums {
  double head = 0;     ///< up to the first end of a row, or of all of the stretch
  double squares = 0;  ///< of the rows that lie wholly behind that end
  double tail = 0;     ///< behind the last end of a row
  bool ends_row = false;
};

/// Adds up stretches of one tensor in order.
class RowTotal {
 public:
  void add(const RowSums& next) noexcept;
  [[nodiscard]] double squares() const noexcept { return squares_ + open_ * open_; }

 private:
  double squares_ = 0;
  double open_ = 0;
};

struct DeltaPart {
  DeltaSums sums;
  RowSums rows;
};

/// Counts of |delta| by its bfloat16 (truncated from float32): the bins are as wide as 1/128 of their value.
class SizeHistogram {
 public:
  static constexpr std::size_t k_bins = std::size_t{1} << 15U;
  /// @pre bins.size() == k_bins; it must outlive the histogram.
  explicit SizeHistogram(std::span<std::int64_t> bins) : bins_{bins} {}
  void count(double size) noexcept { ++bins_[bin_of(size)]; }
  /// The 1st to 9th decile: the middle of the bin in which it lies, off by at most 0.4 %; zeros below 2^-126 are 0, and what is
  /// above a float32's range counts as its largest. Nothing for no counts.
  [[nodiscard]] std::optional<std::array<double, 9>> deciles() const;

 private:
  [[nodiscard]] static std::size_t bin_of(double size) noexcept;
  [[nodiscard]] static double middle(std::size_t bin) noexcept;
  std::span<std::int64_t> bins_;
};

/// Measures stretches of a model (A) and its base (B); holds working memory. Local.
class DeltaMeter {
 public:
  /// @param rounded  the output's type.
  [[nodiscard]] DeltaPart measure(const Stretch& stretch, std::uint64_t row, Dtype model, Dtype base, Dtype rounded, SizeHistogram& sizes);

 private:
  template <class W>
  DeltaPart measure_in(const Stretch& stretch, std::uint64_t row, Dtype model, Dtype base, SizeHistogram& sizes);
  [[nodiscard]] std::uint64_t lost(const Stretch& stretch, Dtype model, Dtype base, Dtype rounded);

  std::vector<double> f64_, b64_;
  std::vector<std::byte> rounded_f_, rounded_b_;
};

}  // namespace dare::compare
