#include "metrics/last_line.hpp"

namespace dare::metrics {

std::string last_line(std::string_view text) {
  constexpr std::size_t k_longest = 300;
  const auto last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return {};
  text = text.substr(0, last + 1);
  const auto start = text.find_last_of('\n');
  std::string line{text.substr(start == std::string_view::npos ? 0 : start + 1).substr(0, k_longest)};
  for (auto& c : line) {
    // A terminal must not be told what to do by a generated program.
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return line;
}

}  // namespace dare::metrics
