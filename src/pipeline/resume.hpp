#pragma once
/// What an interrupted run has finished, as far as it still stands on the disk.

#include "pipeline/run_context.hpp"
#include "pipeline/staged_output.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/plan/grid.hpp>

#include <cstdint>
#include <vector>

namespace dare::pipeline {

/// Reads every block that the journals of all outputs call done and returns, ascending, the numbers of those whose bytes have the recorded
/// hashes; ranks share the reading. Collective.
/// @throws comm::AgreedError  it cannot be read.
[[nodiscard]] std::vector<std::uint64_t> blocks_done_in_all(const std::vector<StagedOutput>& staged, const Work& work,
                                                            const plan::Grid& grid, const comm::Communicator& world);

/// Adds the hashes and counts of the blocks `done` to those of this run. Pure.
void take_over(const std::vector<std::uint64_t>& done, const std::vector<StagedOutput>& staged, std::vector<ProductResult>& results);

}  // namespace dare::pipeline
