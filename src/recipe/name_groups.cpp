#include "recipe/name_groups.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dare::recipe {
namespace {

constexpr std::size_t k_examples = 3;

}  // namespace

void NameGroups::add(const std::string& where, const std::string& before, const std::string& after, std::string_view name) {
  const auto [at, is_new] = index_.try_emplace({where, before, after}, groups_.size());
  if (is_new) groups_.push_back({where, before, after, 0, {}});
  auto& group = groups_[at->second];
  ++group.count;
  if (group.examples.size() < k_examples) group.examples.push_back(fmt::format("\"{}\"", name));
}

std::vector<std::string> NameGroups::lines() const {
  std::vector<std::string> lines;
  for (const auto& group : groups_) {
    const auto more = group.count - group.examples.size();
    lines.push_back(fmt::format("{}: {} {}{}{}", group.where, group.before, fmt::join(group.examples, ", "),
                                more == 0 ? "" : fmt::format(" and {} more", more), group.after));
  }
  return lines;
}

}  // namespace dare::recipe
