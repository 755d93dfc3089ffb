#pragma once
/// Sums over the elements of a strip, in an order that vectors of any length can keep.

#include <array>
#include <cstddef>

namespace dare::merge {

inline constexpr std::size_t k_partials = 16;

/// Element i of a strip is added to value i mod 16, in order; total() adds the values in pairs.
struct PartialSums {
  alignas(64) std::array<double, k_partials> values{};

  void add(std::size_t i, double value) noexcept { values[i % k_partials] += value; }
  [[nodiscard]] double total() const noexcept {
    const auto eight = halved(values);
    const auto four = halved(eight);
    const auto two = halved(four);
    return two[0] + two[1];
  }

 private:
  // Of known size, so that compilers make vectors of it.
  template <std::size_t N>
  static std::array<double, N / 2> halved(const std::array<double, N>& all) noexcept {
    std::array<double, N / 2> sums;
    for (std::size_t i = 0; i < N / 2; ++i) sums[i] = all[i] + all[i + N / 2];
    return sums;
  }
};

}  // namespace dare::merge
