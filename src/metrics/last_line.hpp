#pragma once
/// The end of what a program printed.

#include <string>
#include <string_view>

namespace dare::metrics {

/// The last line that is not blank, at most 300 bytes of it, control characters as '?'.
[[nodiscard]] std::string last_line(std::string_view text);

}  // namespace dare::metrics
