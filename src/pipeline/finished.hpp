#pragma once
/// --resume of a run whose outputs are in their places already.

#include "pipeline/run_context.hpp"

#include <cstdint>
#include <vector>

namespace dare::pipeline {

/// One a product: 1 where its output is there and equals what this run would write, as far as its manifest and the files' sizes tell.
/// All 0 without --resume. Collective.
/// @throws comm::AgreedError  an output is there, but of another merge; the text says what differs. With --overwrite it may go.
[[nodiscard]] std::vector<std::uint8_t> finished_outputs(const RunContext& run);

/// The work without the products that are marked; a copy.
[[nodiscard]] Work without(const Work& work, const std::vector<std::uint8_t>& finished);

}  // namespace dare::pipeline
