#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dare {

/// "1 tensor", "3 tensors", "2 passes".
[[nodiscard]] std::string plural(std::uint64_t n, std::string_view word);

/// "error, base or skip".
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

}  // namespace dare
