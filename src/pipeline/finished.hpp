#pragma once
/// --resume of a run whose outputs are in their places already.

#include "pipeline/run_context.hpp"

namespace dare::pipeline {

/// Whether every output is there and equals what this run would write, as far as its manifest, the files' sizes and the inputs' times tell.
/// What a kill left beside one that is goes. False without --resume. Collective.
/// @throws comm::AgreedError  an output is there, but of another merge; the text says what differs. With --overwrite it may go.
[[nodiscard]] bool all_finished(const RunContext& run);

}  // namespace dare::pipeline
