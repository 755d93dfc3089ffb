#pragma once
/// What an interrupted run has finished, as far as it still stands on the disk.

#include "pipeline/finished_blocks.hpp"
#include "pipeline/run_context.hpp"
#include "pipeline/staged_output.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/plan/grid.hpp>

#include <vector>

namespace dare::pipeline {

/// Reads every block that an output's journal calls done and finds those whose bytes have the recorded hashes; ranks share the reading.
/// Collective.
/// @param staged  must outlive the result.
/// A block that cannot be read counts as not done, and each rank that met one says so.
/// @throws comm::AgreedError  a signal came.
[[nodiscard]] FinishedBlocks find_finished(const RunContext& run, const std::vector<StagedOutput>& staged, const plan::Grid& grid);

/// Adds the hashes and counts of finished blocks to those of this run. Pure.
void take_over(const FinishedBlocks& finished, std::vector<ProductResult>& results);

}  // namespace dare::pipeline
