#pragma once
/// How far two tensors are apart.

#include "compare/walk.hpp"

#include <dare/core/dtype.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace dare::compare {

/// The largest value of something and the first element that has it.
template <class T>
struct Peak {
  T value{};
  std::uint64_t at = 0;  ///< flat index; of no meaning where value is 0
  /// Elements come in ascending order: the first of equal ones stays.
  void see(T other, std::uint64_t element) noexcept {
    if (other > value) *this = {other, element};
  }
};

/// The cosine of two vectors by their sums of a^2, b^2 and a b: nothing where one is all zeros, or a sum exceeds a float64.
[[nodiscard]] std::optional<double> cosine_of(double aa, double bb, double ab) noexcept;

/// Of a stretch, or of a whole tensor.
struct Difference {
  std::uint64_t elements = 0;
  std::uint64_t differing = 0;  ///< of one type: other bits; of two types: another value
  std::uint64_t nonfinite = 0;  ///< of these: at least one of the two is no finite number; they enter none of the following
  Peak<double> absolute;        ///< |a - b|
  Peak<double> relative;        ///< |a - b| / max(|a|, |b|)
  Peak<std::uint64_t> ulps;     ///< representable numbers from one to the other; of two floats of one type alone
  double aa = 0;                ///< sum of a^2
  double bb = 0;
  double ab = 0;

  void add(const Difference& next) noexcept;
  /// Nothing where one of the two is all zeros, or squares of its values exceed a float64.
  [[nodiscard]] std::optional<double> cosine() const noexcept;
};

/// Measures stretches; holds working memory. Local.
class DifferenceMeter {
 public:
  [[nodiscard]] Difference measure(const Stretch& stretch, Dtype a, Dtype b);

 private:
  void measure_floats(const Stretch& stretch, Dtype a, Dtype b, Difference& difference);
  std::vector<double> a_, b_;
};

}  // namespace dare::compare
