#include <dare/core/plural.hpp>

#include <fmt/format.h>

namespace dare {

std::string plural(std::uint64_t n, std::string_view word) {
  return fmt::format("{} {}{}", n, word, n == 1 ? "" : word.ends_with('s') ? "es" : "s");
}

}  // namespace dare
