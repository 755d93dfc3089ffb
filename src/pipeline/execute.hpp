#pragma once
/// From checked work to a finished output: plan, stage, slices, commit.

#include "pipeline/work.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/run_options.hpp>

namespace dare::pipeline {

/// Refuses what can be refused before a weight is read: an output that exists, a parent that is no folder, too little space. Local.
/// @throws Error
void check_output(const RunOptions& options, std::uint64_t bytes);

/// The ranks as they are on their nodes. Collective.
[[nodiscard]] plan::Cluster cluster_of(const comm::Communicator& world);

/// Does `work` and puts its output in place. Collective. @throws comm::AgreedError
void execute(const Work& work, const RunOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
