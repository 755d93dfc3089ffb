#include "sweep/groups.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <map>

namespace dare::sweep {

int number_of_groups(const plan::Cluster& cluster, std::optional<int> asked) {
  if (!asked) return cluster.nodes();
  if (*asked >= 1 && *asked <= cluster.ranks()) return *asked;
  throw UsageError{fmt::format("--groups {}: give a number from 1 to {}, the number of ranks", *asked, cluster.ranks())};
}

int group_of(const plan::Cluster& cluster, int rank, int groups) noexcept {
  const auto nodes = cluster.nodes();
  const bool whole_nodes = groups <= nodes;
  const std::int64_t place = whole_nodes ? cluster.node_of[static_cast<std::size_t>(rank)] : rank;
  return static_cast<int>(place * groups / (whole_nodes ? nodes : cluster.ranks()));
}

plan::Cluster cluster_of_group(const plan::Cluster& cluster, int groups, int group) {
  plan::Cluster own;
  std::map<int, int> nodes;
  for (int rank = 0; rank < cluster.ranks(); ++rank) {
    if (group_of(cluster, rank, groups) != group) continue;
    const auto node = cluster.node_of[static_cast<std::size_t>(rank)];
    own.node_of.push_back(nodes.try_emplace(node, static_cast<int>(nodes.size())).first->second);
  }
  return own;
}

}  // namespace dare::sweep
