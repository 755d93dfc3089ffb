#pragma once
/// What an interrupted run has finished, as far as it still stands on the disk.

#include "pipeline/staged_output.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/plan/grid.hpp>

#include <cstdint>
#include <vector>

namespace dare::pipeline {

/// Reads every block that the journal calls done from the unfinished output and returns, ascending, the numbers of those whose bytes have
/// the recorded hash; ranks share the reading. Collective.
/// @param write_bits  by tensor, the size of an output element.
/// @throws comm::AgreedError  it cannot be read.
[[nodiscard]] std::vector<std::uint64_t> blocks_done(const StagedOutput& staged, const std::vector<std::uint64_t>& write_bits,
                                                     const plan::Grid& grid, const comm::Communicator& world);

}  // namespace dare::pipeline
