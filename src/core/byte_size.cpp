#include <dare/core/byte_size.hpp>

#include "core/lower_case.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string>

namespace dare {
namespace {

struct Unit {
  std::string_view name;
  double bytes;
};

constexpr std::array k_units{
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"kB", 1e3},
    Unit{"MB", 1e6},
    Unit{"GB", 1e9},
    Unit{"TB", 1e12},
    Unit{"PB", 1e15},
    Unit{"K", 1024},
    Unit{"M", 1048576},
    Unit{"G", 1073741824},
    Unit{"T", 1099511627776.},
    Unit{"KiB", 1024},
    Unit{"MiB", 1048576},
    Unit{"GiB", 1073741824},
    Unit{"TiB", 1099511627776.},
    Unit{"PiB", 1125899906842624.},
};

constexpr std::uint64_t k_largest = (std::uint64_t{1} << 63U) - 1;

}  // namespace

std::uint64_t parse_byte_size(std::string_view text) {
  const auto refuse = [&] { return UsageError{fmt::format("\"{}\" is no size in bytes; write e.g. 512MiB, 5GB or 4096", text)}; };
  const auto end_of_number = std::find_if(text.begin(), text.end(), [](unsigned char c) { return !std::isdigit(c) && c != '.'; });
  const std::string number{text.begin(), end_of_number};
  std::string unit{end_of_number, text.end()};
  unit = lower_case(unit.erase(0, unit.find_first_not_of(' ')));
  const auto* const found =
      std::find_if(k_units.begin(), k_units.end(), [&](const Unit& u) { return lower_case(std::string{u.name}) == unit; });
  if (found == k_units.end() || number.empty() || std::count(number.begin(), number.end(), '.') > 1 || number == ".") throw refuse();
  try {
    if (number.find('.') == std::string::npos) {
      const auto whole = std::stoull(number);  // exact above 2^53, where a double would round
      const auto factor = static_cast<std::uint64_t>(found->bytes);
      if (whole != 0 && factor > k_largest / whole) throw refuse();
      return whole * factor;
    }
    const double bytes = std::stod(number) * found->bytes;
    if (bytes != std::floor(bytes) || bytes >= static_cast<double>(k_largest)) throw refuse();
    return static_cast<std::uint64_t>(bytes);
  } catch (const std::out_of_range&) { throw refuse(); }
}

std::string exact_byte_size(std::uint64_t bytes) {
  const Unit* largest = k_units.data();
  for (const auto& unit : k_units) {
    const auto size = static_cast<std::uint64_t>(unit.bytes);
    if (bytes != 0 && bytes % size == 0 && unit.bytes > 1 && unit.bytes >= largest->bytes) largest = &unit;
  }
  return fmt::format("{}{}", bytes / static_cast<std::uint64_t>(largest->bytes), largest->name);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> prefixes{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t prefix = 0;
  while (value >= 999.5 && prefix + 1 < prefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  if (prefix == 0) return fmt::format("{} B", bytes);
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, digits, prefixes[prefix]);
}

}  // namespace dare
