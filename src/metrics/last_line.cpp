#include "metrics/last_line.hpp"

namespace dare::metrics {

std::string_view last_line(std::string_view text) noexcept {
  const auto last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return {};
  text = text.substr(0, last + 1);
  const auto before = text.find_last_of('\n');
  return text.substr(before == std::string_view::npos ? 0 : before + 1);
}

}  // namespace dare::metrics
