#pragma once

#include <string>

namespace dare {

/// `text` with the letters A to Z as a to z, whatever the locale. Pure.
[[nodiscard]] std::string lower_case(std::string text);

}  // namespace dare
