#pragma once
/// Numbers in text, whole text or nothing, whatever the locale.

#include <cstdint>
#include <optional>
#include <string_view>

namespace dare::recipe {

/// Decimal, also with an exponent; YAML's .inf and .nan are numbers too, for a range to refuse. Nothing where it is no number or too
/// large or small for a double.
[[nodiscard]] std::optional<double> number_in(std::string_view text);
/// Decimal digits alone, below 2^64.
[[nodiscard]] std::optional<std::uint64_t> whole_in(std::string_view text);

}  // namespace dare::recipe
