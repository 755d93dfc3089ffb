#include "checkpoint/text.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace dare::checkpoint {
namespace {

// Length of the sequence that `lead` begins and the least code point that needs it; 0 for no lead byte.
struct Sequence {
  std::size_t length;
  std::uint32_t least;
};

constexpr Sequence sequence_of(unsigned char lead) {
  if (lead < 0x80) return {1, 1};  // NUL is below
  if (lead >= 0xC0 && lead < 0xE0) return {2, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x800};
  if (lead >= 0xF0 && lead < 0xF8) return {4, 0x10000};
  return {0, 0};
}

// C0, DEL and C1; of well-formed UTF-8.
bool has_control(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F || (byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0)) return true;
  }
  return false;
}

}  // namespace

bool is_utf8_without_nul(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const auto [length, least] = sequence_of(lead);
    if (length == 0 || length > text.size() - i) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t j = 1; j < length; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if ((next & 0xC0U) != 0x80U) return false;
      point = point << 6U | (next & 0x3FU);
    }
    if (point < least || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
    i += length;
  }
  return true;
}

std::string name_problem(std::string_view name) {
  if (!is_utf8_without_nul(name)) return "the name is no UTF-8 text without NUL";
  if (name.size() > k_longest_name) return fmt::format("the name has {} bytes, at most {} are taken", name.size(), k_longest_name);
  if (has_control(name)) return "the name has control characters";
  if (name == k_metadata_key) return "the name is that of a header's metadata";
  return "";
}

std::string one_line(std::string_view text) {
  return is_utf8_without_nul(text) && !has_control(text) ? std::string{text} : shown(text, text.size());
}

std::string shown(std::string_view text, std::size_t most) {
  std::string safe;
  for (const char c : text.substr(0, most)) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x7F) safe += c;
    else safe += fmt::format("\\x{:02x}", code);
  }
  return text.size() > most ? safe + "..." : safe;
}

}  // namespace dare::checkpoint
