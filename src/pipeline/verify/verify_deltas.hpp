#pragma once
/// A sweep's delta checkpoints against the manifest in their folder.

#include "pipeline/verify/verify_blocks.hpp"

#include <dare/pipeline/verify.hpp>

namespace dare::pipeline {

/// Reads every delta checkpoint whole: what it holds against its hash, what it says of its mask against what it holds and the recipe. Of
/// each that differs one problem tells. Collective; the same on all ranks.
/// @throws comm::AgreedError  one cannot be read, or `against` is asked for: they are no output of their inputs.
[[nodiscard]] BlockCheck check_deltas(const VerifyOptions& options, const Manifest& manifest, const comm::Communicator& world);

}  // namespace dare::pipeline
