#pragma once

#include <string>

namespace dare {

/// For people, to two figures or more: "less than 1 ms", "0.0042 s", "12.3 s", "4 min 10 s", "3 h 31 min". Pure.
/// @pre seconds >= 0
[[nodiscard]] std::string format_duration(double seconds);

}  // namespace dare
