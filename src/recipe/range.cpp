#include "recipe/range.hpp"

#include <fmt/format.h>

namespace dare::recipe {
namespace {

constexpr double k_least_percentage = 5;  // below, a slip of another kind is as likely

}  // namespace

std::string is_outside(const Range& range, std::string_view written, double value) {
  const bool percentage = range.low == 0 && range.high == 1 && value >= k_least_percentage && value <= 100;
  return fmt::format("{} is outside {}{}", written, range.text,
                     percentage ? fmt::format(": a share is meant, no percentage; write {:.6g} for {:.6g} %", value / 100, value) : "");
}

}  // namespace dare::recipe
