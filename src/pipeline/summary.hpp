#pragma once
/// What a finished run tells its user on stdout.

#include "pipeline/timings.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/plan/plan.hpp>

namespace dare::pipeline {

/// Gathers every rank's figures; rank 0 prints them. Collective.
void print_summary(const RunOptions& options, const plan::Plan& plan, const merge::Counts& counts, const Timings& timings, double elapsed_s,
                   const comm::Communicator& world);

}  // namespace dare::pipeline
