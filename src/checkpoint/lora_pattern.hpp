#pragma once
/// PEFT's patterns for module names, as far as they are plain.

#include <string_view>

namespace dare::checkpoint::lora {

/// Whether it is made of letters, digits, '_', '-', '.' (any character), "\." (a dot), ".*" (any run of characters), '^' in front and '$'
/// at the end. Other regular expressions are not read.
[[nodiscard]] bool is_plain_pattern(std::string_view pattern);

/// Whether the pattern matches all of `module`, or the part behind one of its dots (behind none, where '^' stands in front). Takes at most
/// dots * lengths' product steps, whatever the pattern.
/// @pre is_plain_pattern(pattern)
[[nodiscard]] bool matches_module(std::string_view pattern, std::string_view module);

}  // namespace dare::checkpoint::lora
