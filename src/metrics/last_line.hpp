#pragma once
/// The end of what a program printed.

#include <string_view>

namespace dare::metrics {

/// The last line that is not blank, without the blanks after it; empty where there is none. Pure.
/// @return a part of `text`.
[[nodiscard]] std::string_view last_line(std::string_view text) noexcept;

}  // namespace dare::metrics
