#pragma once
/// dare-merge --plan.

#include "pipeline/unfinished.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/merge.hpp>
#include <dare/pipeline/work.hpp>

namespace dare::pipeline {

/// Prints on rank 0 what would be merged, with which ranks, bytes and memory, and the space that there is for it. Collective.
/// @param begun  rank 0's: what the run would go on from.
void print_plan(const Work& work, const recipe::Recipe& recipe, const MergeOptions& options, const Begun& begun,
                const comm::Communicator& world);

}  // namespace dare::pipeline
