#pragma once

#include <limits>
#include <string>
#include <string_view>

namespace dare::recipe {

/// A closed interval that numbers must lie in.
struct Range {
  double low;
  double high;
  std::string_view text;  ///< e.g. "[0, 1]"
  [[nodiscard]] constexpr bool has(double value) const noexcept { return value >= low && value <= high; }
};

/// "90 is outside [0, 1]", and what to write where it may be a percentage. @param written  the value as its user wrote it
[[nodiscard]] std::string is_outside(const Range& range, std::string_view written, double value);

inline constexpr Range k_finite{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max(), "the finite numbers"};

}  // namespace dare::recipe
