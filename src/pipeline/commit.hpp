#pragma once
/// The end of a run: finished outputs take their places, failed ones are kept for a resume or removed.

#include "pipeline/run_context.hpp"
#include "pipeline/staged_output.hpp"

#include <dare/plan/grid.hpp>

#include <span>
#include <vector>

namespace dare::pipeline {

/// Writes the manifests and puts every output in its place whose product is not refused; where that fails, the reason is the product's
/// refusal and the others go on. Collective.
/// @param results  with the hashes of all blocks.
void commit_outputs(const RunContext& run, const plan::Grid& grid, std::vector<StagedOutput>& staged, std::vector<ProductResult>& results);

/// The whole run failed: removes what cannot be gone on from. @return the error to throw, with what the user can do. Local.
[[nodiscard]] comm::AgreedError give_up(const RunOptions& options, const comm::AgreedError& error, std::span<StagedOutput> staged);

}  // namespace dare::pipeline
