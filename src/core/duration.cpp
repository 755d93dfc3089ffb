#include <dare/core/duration.hpp>

#include <fmt/format.h>

#include <cmath>

namespace dare {

std::string format_duration(double seconds) {
  constexpr double k_minute = 60;
  constexpr double k_hour = 3600;
  constexpr double k_least_told = 0.001;
  if (seconds > 0 && seconds < k_least_told) return "less than 1 ms";
  if (seconds < 1) return fmt::format("{:.2g} s", seconds);
  if (seconds < k_minute - 0.05) return fmt::format("{:.1f} s", seconds);  // above it would be printed as 60.0
  const auto parts = [&](double unit, double part, const char* unit_name, const char* part_name) {
    const auto all = std::round(seconds / part);
    const auto in_unit = unit / part;
    const auto whole = std::floor(all / in_unit);
    return fmt::format("{:.0f} {} {:.0f} {}", whole, unit_name, all - whole * in_unit, part_name);
  };
  return seconds < k_hour - 0.5 ? parts(k_minute, 1, "min", "s") : parts(k_hour, k_minute, "h", "min");
}

}  // namespace dare
