#include "recipe/numbers.hpp"

#include <charconv>
#include <limits>

namespace dare::recipe {
namespace {

template <class T>
std::optional<T> all_of(std::string_view text) {
  T value{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> number_in(std::string_view text) {
  const auto digits = text.starts_with('+') ? text.substr(1) : text;
  const auto magnitude = digits.starts_with('-') ? digits.substr(1) : digits;
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  if (magnitude == ".inf" || magnitude == ".Inf" || magnitude == ".INF") return digits == magnitude ? infinity : -infinity;
  if (digits == ".nan" || digits == ".NaN" || digits == ".NAN") return std::numeric_limits<double>::quiet_NaN();
  // from_chars also takes "inf" and "nan", which are words in YAML, and a second sign.
  if (magnitude.find_first_not_of("0123456789.eE+-") != std::string_view::npos || magnitude.starts_with('+')) return std::nullopt;
  if (text.starts_with('+') && digits.starts_with('-')) return std::nullopt;
  return all_of<double>(digits);
}

std::optional<std::uint64_t> whole_in(std::string_view text) {
  return all_of<std::uint64_t>(text);
}

}  // namespace dare::recipe
