#pragma once
/// What a measure is where its input does not define it.

#include <limits>

namespace dare::metrics {

inline constexpr double k_undefined = std::numeric_limits<double>::quiet_NaN();

}  // namespace dare::metrics
