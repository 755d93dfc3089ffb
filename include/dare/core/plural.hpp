#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dare {

/// "1 tensor", "3 tensors", "2 passes".
[[nodiscard]] std::string plural(std::uint64_t n, std::string_view word);

}  // namespace dare
