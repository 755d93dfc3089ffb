#pragma once
/// Text that comes from files, other programs or a user, on a terminal and in messages: it is shown, and steers nothing.

#include <cstddef>
#include <string>
#include <string_view>

namespace dare {

/// At most `most` bytes of `text`: characters of well-formed UTF-8 as they are, control characters (C0, DEL, C1) and other bytes as \x..;
/// "..." stands for what is left out. Pure.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 80);

/// All of `text`, as printable() has it: what remains is one line. Pure.
[[nodiscard]] std::string one_line(std::string_view text);

/// All of `text`, as printable() has it but with its ends of lines and tabs. Pure.
[[nodiscard]] std::string printable_lines(std::string_view text);

/// printable() between double quotes. Pure.
[[nodiscard]] std::string in_quotes(std::string_view text, std::size_t most = 60);

/// Well-formed UTF-8 (no surrogates, no over-long forms, nothing above U+10FFFF) without a NUL. Pure.
[[nodiscard]] bool is_utf8_without_nul(std::string_view text) noexcept;

/// Whether a control character (C0, DEL, C1) is in `text`, or a byte that is of no UTF-8 character. Pure.
[[nodiscard]] bool has_unprintable(std::string_view text) noexcept;

}  // namespace dare
