#pragma once
/// Decimal numbers as texts.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dare::metrics {

/// Of ASCII.
[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

struct FoundNumber {
  std::size_t end;        ///< where the number ends in the text
  std::string canonical;  ///< no '+', commas, needless zeros or point; "-0" is "0"
};

/// The first number at or after `from`. What counts as a number is said at gsm8k_answer().
[[nodiscard]] std::optional<FoundNumber> find_number(std::string_view text, std::size_t from);

/// The canonical form of a text that is one plain decimal: sign, digits with or without thousands commas, point; nothing for other texts.
[[nodiscard]] std::optional<std::string> canonical_decimal(std::string_view text);

}  // namespace dare::metrics
