#include "sweep/batches.hpp"

#include <algorithm>
#include <numeric>

namespace dare::sweep {
namespace {

// Passes of each family: as few as its limit allows; then, while groups would be idle, one more for the family whose passes are largest.
std::vector<std::uint64_t> passes_of(const std::vector<FamilyLoad>& families, int groups) {
  std::vector<std::uint64_t> passes;
  for (const auto& family : families) passes.push_back((family.points.size() + family.most_points - 1) / family.most_points);
  const auto size = [&](std::size_t f) { return passes[f] == 0 ? 0 : (families[f].points.size() + passes[f] - 1) / passes[f]; };
  while (std::accumulate(passes.begin(), passes.end(), std::uint64_t{0}) < static_cast<std::uint64_t>(groups)) {
    std::size_t largest = 0;
    for (std::size_t f = 1; f < families.size(); ++f) {
      const auto cost = [&](std::size_t g) { return size(g) * families[g].bytes_written; };
      if (size(f) > 1 && (size(largest) <= 1 || cost(f) > cost(largest))) largest = f;
    }
    if (families.empty() || size(largest) <= 1) break;
    ++passes[largest];
  }
  return passes;
}

}  // namespace

std::vector<Batch> make_batches(const std::vector<FamilyLoad>& families, int groups) {
  const auto passes = passes_of(families, groups);
  std::vector<Batch> batches;
  for (std::size_t f = 0; f < families.size(); ++f) {
    const auto& family = families[f];
    const auto points = family.points.size();
    for (std::uint64_t pass = 0; pass < passes[f]; ++pass) {
      const auto from = family.points.begin() + static_cast<std::ptrdiff_t>(points * pass / passes[f]);
      const auto to = family.points.begin() + static_cast<std::ptrdiff_t>(points * (pass + 1) / passes[f]);
      Batch batch{static_cast<std::uint32_t>(f), {from, to}, 0};
      batch.bytes = family.bytes_read + batch.points.size() * family.bytes_written;
      batches.push_back(std::move(batch));
    }
  }
  std::stable_sort(batches.begin(), batches.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return batches;
}

std::uint64_t most_points(const PassLimits& limits) noexcept {
  auto most = limits.memory / std::max<std::uint64_t>(limits.memory_of_point, 1);
  most = std::min(most, limits.files / std::max<std::uint64_t>(limits.files_of_point, 1));
  if (limits.space_of_point != 0) most = std::min(most, limits.space / limits.space_of_point);
  return std::max<std::uint64_t>(most, 1);
}

}  // namespace dare::sweep
