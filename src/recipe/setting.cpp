#include <dare/recipe/setting.hpp>

#include <algorithm>

namespace dare::recipe {

std::optional<double> Setting::at(std::string_view tensor, double depth) const {
  for (const auto& part : parts) {
    if (tensor.find(part.filter) == std::string_view::npos) continue;
    const auto scaled = depth * static_cast<double>(part.values.size() - 1);
    const auto below = static_cast<std::size_t>(scaled);
    const auto above = std::min(below + 1, part.values.size() - 1);
    const auto share = scaled - static_cast<double>(below);
    return share == 0 ? part.values[below] : (1 - share) * part.values[below] + share * part.values[above];
  }
  return std::nullopt;
}

}  // namespace dare::recipe
