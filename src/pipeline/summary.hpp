#pragma once
/// What a finished run tells its user on stdout.

#include "pipeline/timings.hpp"
#include "pipeline/work.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/plan/plan.hpp>

namespace dare::pipeline {

/// One rank's figures.
struct RunFigures {
  std::vector<merge::Counts> counts;  ///< by product
  Timings timings{};
  double elapsed_s = 0;
  std::uint64_t blocks_reused = 0;  ///< of an interrupted run; the same on all ranks
};

/// Gathers every rank's figures; rank 0 prints them. Collective.
void print_summary(const RunOptions& options, const Work& work, const plan::Plan& plan, const RunFigures& mine,
                   const comm::Communicator& world);

}  // namespace dare::pipeline
