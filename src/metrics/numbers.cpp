#include "metrics/numbers.hpp"

#include <algorithm>
#include <array>

namespace dare::metrics {
namespace {

bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool digit_at(std::string_view text, std::size_t i) {
  return i < text.size() && is_digit(text[i]);
}

// One past the digits and thousands commas that start at `i`.
std::size_t whole_part_end(std::string_view text, std::size_t i) {
  auto end = i;
  while (digit_at(text, end)) ++end;
  if (end == i || end - i > 3) return end;
  // A comma belongs to the number only before exactly three digits: "1,2" are two numbers.
  while (end < text.size() && text[end] == ',' && digit_at(text, end + 1) && digit_at(text, end + 2) && digit_at(text, end + 3) &&
         !digit_at(text, end + 4)) {
    end += 4;
  }
  return end;
}

// One past the number that starts at `i` with a digit, or with a point and a digit.
std::size_t unsigned_end(std::string_view text, std::size_t i) {
  auto end = whole_part_end(text, i);
  if (end < text.size() && text[end] == '.' && digit_at(text, end + 1)) {
    ++end;
    while (digit_at(text, end)) ++end;
  }
  return end;
}

std::string canonical(bool negative, std::string_view digits) {
  std::string whole;
  std::string fraction;
  auto* part = &whole;
  for (const auto c : digits) {
    if (c == '.') part = &fraction;
    if (is_digit(c)) *part += c;
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (whole.empty()) whole = "0";
  const auto zero = whole == "0" && fraction.empty();
  return (negative && !zero ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

constexpr std::array<std::string_view, 5> k_currencies = {"$", "\\$", "€", "£", "¥"};
constexpr std::array<std::string_view, 2> k_minus = {"-", "\xE2\x88\x92"};  // also U+2212

// The text before a number, read backwards: currency and sign in either order.
bool negative_before(std::string_view before) {
  const auto drop_currency = [&] {
    if (before.ends_with(' ') && before.size() > 1) {
      for (const auto sign : k_currencies) {
        if (before.substr(0, before.size() - 1).ends_with(sign)) before.remove_suffix(1);
      }
    }
    for (const auto sign : k_currencies) {
      if (before.ends_with(sign)) before.remove_suffix(sign.size());
    }
    if (before.ends_with('\\')) before.remove_suffix(1);
  };
  drop_currency();
  for (const auto sign : k_minus) {
    if (!before.ends_with(sign)) continue;
    before.remove_suffix(sign.size());
    drop_currency();
    // "5-3", "x-3" and "(x)-3" subtract.
    return before.empty() || !(is_digit(before.back()) || letter(before.back()) || before.back() == ')');
  }
  return false;
}

}  // namespace

std::optional<FoundNumber> find_number(std::string_view text, std::size_t from) {
  for (auto i = from; i < text.size(); ++i) {
    const auto after_digit = i > 0 && is_digit(text[i - 1]);
    const auto leading_point = text[i] == '.' && digit_at(text, i + 1) && !after_digit && (i == 0 || !letter(text[i - 1]));
    if (!is_digit(text[i]) && !leading_point) continue;
    const auto end = unsigned_end(text, i);
    if (i > 0 && (letter(text[i - 1]) || text[i - 1] == '^' || text[i - 1] == '_')) {
      i = end - 1;
      continue;
    }
    return FoundNumber{end, canonical(negative_before(text.substr(0, i)), text.substr(i, end - i))};
  }
  return std::nullopt;
}

std::optional<std::string> canonical_decimal(std::string_view text) {
  auto digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.ends_with('.')) digits.remove_suffix(1);
  const auto starts = digit_at(digits, 0) || (digits.starts_with('.') && digit_at(digits, 1));
  if (!starts || unsigned_end(digits, 0) != digits.size()) return std::nullopt;
  return canonical(text.starts_with('-'), digits);
}

}  // namespace dare::metrics
