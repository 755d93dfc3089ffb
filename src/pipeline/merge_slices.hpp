#pragma once
/// The slice loop with all that it needs set up: read, merge, gather, write.

#include "pipeline/gather.hpp"
#include "pipeline/inputs.hpp"
#include "pipeline/journal.hpp"
#include "pipeline/run_context.hpp"
#include "pipeline/staged_output.hpp"
#include "pipeline/survey_loop.hpp"

#include <vector>

namespace dare::pipeline {

/// Where a rank writes, by product.
struct Sinks {
  std::vector<Gather::Target> targets;
  std::vector<Journal> journals;
};

/// Opens the staged outputs and their journals. Collective. @throws comm::AgreedError
[[nodiscard]] Sinks open_sinks(RunContext& run, const std::vector<StagedOutput>& staged);

/// Works through the plan's slices, less what is finished. Collective. @throws comm::AgreedError  something failed, or a signal came.
[[nodiscard]] RunResult merge_slices(RunContext& run, const plan::Plan& plan, const FinishedBlocks& finished, Inputs& inputs,
                                     const std::vector<ProductStatistics>& statistics, Sinks& sinks);

/// Forces what was written to the disk, in this run and in the interrupted one that it continues, and closes it. Collective.
/// @throws comm::AgreedError
void sync_sinks(RunContext& run, const std::vector<StagedOutput>& staged, Sinks& sinks);

}  // namespace dare::pipeline
