#pragma once
/// The end of a run: finished outputs take their places, failed ones are kept for a resume or removed.

#include "pipeline/run_context.hpp"
#include "pipeline/staged_output.hpp"

#include <dare/plan/grid.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace dare::pipeline {

/// What waits for its place.
struct Waiting {
  Staging* staging = nullptr;                           ///< rank 0's alone
  std::optional<comm::AgreedError>* refusal = nullptr;  ///< why it gets none; nothing so far
};

/// Puts complete outputs in their places; what stops one becomes its refusal, and the others go on. Collective.
/// @param describe  writes what belongs beside the output at this place of `outputs`, its manifest at new_manifest. Rank 0 calls it.
/// @param advice    what a user can do about a refusal. On all ranks the same.
void put_in_place(const RunOptions& options, const comm::Communicator& world, std::span<const Waiting> outputs,
                  const std::function<void(std::size_t, const OutputPaths&)>& describe,
                  const std::function<comm::AgreedError(const comm::AgreedError&)>& advice);

/// Writes the manifests and puts every output in its place whose product is not refused; where that fails, the reason is the product's
/// refusal and the others go on. Collective.
/// @param results  with the hashes of all blocks.
void commit_outputs(const RunContext& run, const plan::Grid& grid, std::vector<StagedOutput>& staged, std::vector<ProductResult>& results);

/// The whole run failed: removes what cannot be gone on from. @return the error to throw, with what the user can do. Local.
[[nodiscard]] comm::AgreedError give_up(const RunOptions& options, const comm::AgreedError& error, std::span<StagedOutput> staged);

}  // namespace dare::pipeline
