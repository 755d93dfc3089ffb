#pragma once
/// The plan of some work on the ranks that there are.

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/plan/plan.hpp>

#include <cstdint>
#include <vector>

namespace dare::pipeline {

/// The ranks as they are on their nodes. Collective.
[[nodiscard]] plan::Cluster cluster_of(const comm::Communicator& world);

/// The course of a run that has the blocks `done` behind it. Pure. @throws UsageError  the memory allowed is too small.
[[nodiscard]] plan::Plan make_plan(const Work& work, plan::Grid grid, plan::Cluster cluster, plan::Limits limits,
                                   const std::vector<std::uint64_t>& done);

}  // namespace dare::pipeline
