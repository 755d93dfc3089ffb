#pragma once
/// How ranks are split into groups.

#include <dare/plan/plan.hpp>

#include <optional>

namespace dare::sweep {

/// The number of groups: as asked for, else one a node. @throws UsageError  more than ranks, or none.
[[nodiscard]] int number_of_groups(const plan::Cluster& cluster, std::optional<int> asked);

/// A rank's group: whole nodes together where there are no more groups than nodes, else consecutive ranks. Pure.
[[nodiscard]] int group_of(const plan::Cluster& cluster, int rank, int groups) noexcept;

/// The ranks of one group, with their nodes. Pure.
[[nodiscard]] plan::Cluster cluster_of_group(const plan::Cluster& cluster, int groups, int group);

}  // namespace dare::sweep
