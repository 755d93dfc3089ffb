#pragma once

#include <regex>
#include <string>

namespace dare {

/// A regular expression of a user's (ECMAScript), to search names with. Pure.
/// @throws UsageError  it is none, or so long that std::regex, which recurses on it, could exhaust the stack; the text says which.
[[nodiscard]] std::regex compile_pattern(const std::string& text);

}  // namespace dare
