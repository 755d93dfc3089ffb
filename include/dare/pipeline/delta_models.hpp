#pragma once
/// Whether what delta checkpoints have is all that a merge takes of them.

#include <dare/pipeline/work.hpp>

namespace dare::pipeline {

/// @param job  of the inputs of `work`. Pure.
/// @throws UsageError  it needs elements that a delta checkpoint has dropped: another seed or stream, a lower drop rate, a sparsifier that
/// is not dare, or statistics over all deltas.
void check_delta_models(const Work& work, const recipe::MergeJob& job);

}  // namespace dare::pipeline
