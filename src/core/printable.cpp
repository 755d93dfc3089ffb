#include "core/printable.hpp"

#include <algorithm>
#include <cstdint>

namespace dare {
namespace {

// Length of the sequence that `lead` begins and the least code point that needs it; 0 for no lead byte.
struct Sequence {
  std::size_t length;
  std::uint32_t least;
};

constexpr Sequence sequence_of(unsigned char lead) {
  if (lead < 0x80) return {1, 0};
  if (lead >= 0xC0 && lead < 0xE0) return {2, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x800};
  if (lead >= 0xF0 && lead < 0xF8) return {4, 0x10000};
  return {0, 0};
}

struct Character {
  std::size_t length;  // in bytes; 0: no character of UTF-8 begins there
  std::uint32_t point;
};

// @pre  text is not empty
Character first_of(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  const auto [length, least] = sequence_of(lead);
  if (length == 0 || length > text.size()) return {0, 0};
  std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t j = 1; j < length; ++j) {
    const auto next = static_cast<unsigned char>(text[j]);
    if ((next & 0xC0U) != 0x80U) return {0, 0};
    point = point << 6U | (next & 0x3FU);
  }
  const bool is_valid = point >= least && point <= 0x10FFFF && (point < 0xD800 || point >= 0xE000);
  return is_valid ? Character{length, point} : Character{0, 0};
}

constexpr bool is_control(std::uint32_t point) noexcept {
  return point < 0x20 || (point >= 0x7F && point < 0xA0);
}

void add_escaped(std::string_view bytes, std::string& to) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    to += {'\\', 'x', k_digits[code >> 4U], k_digits[code & 0xFU]};
  }
}

// Whole characters: one that would go beyond `most` bytes is left out. @param kept  control characters that stay
std::string escaped(std::string_view text, std::size_t most, std::string_view kept) {
  std::string safe;
  safe.reserve(std::min(text.size(), most));
  for (std::size_t at = 0; at < text.size();) {
    const auto [length, point] = first_of(text.substr(at));
    const auto bytes = text.substr(at, std::max<std::size_t>(length, 1));
    at += bytes.size();
    if (at > most) return safe + "...";
    const bool is_kept = kept.find(bytes.front()) != std::string_view::npos;
    if (is_kept || (length != 0 && !is_control(point))) safe += bytes;
    else add_escaped(bytes, safe);
  }
  return safe;
}

// @param good  of every character
template <class Good>
bool all_characters(std::string_view text, Good&& good) noexcept {
  while (!text.empty()) {
    const auto [length, point] = first_of(text);
    if (length == 0 || !good(point)) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  return escaped(text, most, "");
}

std::string one_line(std::string_view text) {
  return escaped(text, text.size(), "");
}

std::string printable_lines(std::string_view text) {
  return escaped(text, text.size(), "\n\t");
}

std::string in_quotes(std::string_view text, std::size_t most) {
  return '"' + printable(text, most) + '"';
}

bool is_utf8_without_nul(std::string_view text) noexcept {
  return all_characters(text, [](std::uint32_t point) { return point != 0; });
}

bool has_unprintable(std::string_view text) noexcept {
  return !all_characters(text, [](std::uint32_t point) { return !is_control(point); });
}

}  // namespace dare
