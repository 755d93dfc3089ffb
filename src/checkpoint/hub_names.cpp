#include "checkpoint/hub_names.hpp"

#include "checkpoint/endings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare::checkpoint {
namespace {

bool is_in_hub_names(char c) {
  constexpr std::string_view k_others = "-_.";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || k_others.find(c) != std::string_view::npos;
}

}  // namespace

bool is_hub_name(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size() || text.front() == '.') return false;
  const auto* const ending = find_ending(std::filesystem::path{text}.extension().string());
  if (ending != nullptr && ending->read) return false;
  const auto organisation = text.substr(0, slash);
  const auto model = text.substr(slash + 1);
  return std::all_of(organisation.begin(), organisation.end(), is_in_hub_names) && std::all_of(model.begin(), model.end(), is_in_hub_names);
}

std::string hub_advice(std::string_view name, const std::filesystem::path& path) {
  return fmt::format("; if it is a name on the Hub, download it first: hf download {} --local-dir {}", name, path.string());
}

}  // namespace dare::checkpoint
