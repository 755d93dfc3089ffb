#pragma once
/// The end of what a program printed, and what of it can be shown.

#include <cstddef>
#include <string>
#include <string_view>

namespace dare::metrics {

/// The last line that is not blank, without the blanks after it; empty where there is none. Pure.
/// @return a part of `text`.
[[nodiscard]] std::string_view last_line(std::string_view text) noexcept;

/// At most `most` bytes of `text`, control characters as '?': a terminal must not be told what to do by another program. Pure.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

}  // namespace dare::metrics
