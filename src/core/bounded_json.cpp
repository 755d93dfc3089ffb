#include "core/bounded_json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare {

JsonError json_error(std::string_view text, const nlohmann::json::parse_error& error) {
  const auto line_of = [&](std::string_view before) { return 1 + std::count(before.begin(), before.end(), '\n'); };
  if (error.byte > text.size()) return JsonError{fmt::format("ends in the middle, in line {}", line_of(text))};
  const auto before = text.substr(0, error.byte == 0 ? 0 : error.byte - 1);
  const auto column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  constexpr std::string_view k_expected = "; expected ";
  const std::string_view what = error.what();
  const auto at = what.rfind(k_expected);
  return JsonError{
      fmt::format("line {}, column {}: {}", line_of(before), column,
                  at == std::string_view::npos ? "no JSON" : what.substr(at + k_expected.size() - std::string_view{"expected "}.size()))};
}

}  // namespace dare
