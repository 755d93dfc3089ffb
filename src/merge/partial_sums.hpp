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
    auto sums = values;
    for (auto half = k_partials / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
    }
    return sums[0];
  }
};

}  // namespace dare::merge
