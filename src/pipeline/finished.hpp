#pragma once
/// --resume of a run whose outputs are in their places already.

#include "pipeline/run_context.hpp"

namespace dare::pipeline {

/// What becomes of what a kill left beside an output that is there.
enum class Leftovers : std::uint8_t {
  mend,   ///< it goes, or a commit that was cut is ended
  leave,  ///< it stays, and such an output counts as not finished: for a plan
};

/// Whether every output is there and equals what this run would write, as far as its manifest, the files' sizes and the inputs' times tell.
/// False without --resume. Collective.
/// @throws comm::AgreedError  an output is there, but of another merge; the text says what differs. With --overwrite it may go.
[[nodiscard]] bool all_finished(const RunContext& run, Leftovers leftovers = Leftovers::mend);

}  // namespace dare::pipeline
