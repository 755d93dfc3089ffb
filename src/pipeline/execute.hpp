#pragma once
/// The way of the data: from checked work to finished outputs.

#include "pipeline/work.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/run_options.hpp>

#include <optional>
#include <vector>

namespace dare::pipeline {

/// The ranks as they are on their nodes. Collective.
[[nodiscard]] plan::Cluster cluster_of(const comm::Communicator& world);

/// The course of a run that has the blocks `done` behind it. Pure. @throws UsageError  the memory allowed is too small.
[[nodiscard]] plan::Plan make_plan(const Work& work, plan::Grid grid, plan::Cluster cluster, plan::Limits limits,
                                   const std::vector<std::uint64_t>& done);

/// Does `work` and puts its outputs in place. Collective.
/// @return for each product why it was refused, or nothing for one that is in its place; the same on all ranks.
/// @throws comm::AgreedError  nothing could be finished.
std::vector<std::optional<comm::AgreedError>> execute(const Work& work, const RunOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
