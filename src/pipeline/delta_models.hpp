#pragma once
/// Whether what delta checkpoints have is all that a merge takes of them.

#include "pipeline/work.hpp"

namespace dare::pipeline {

/// Pure. @throws UsageError  a merge needs elements that a delta checkpoint has dropped: another seed or stream, a lower drop rate, a
/// sparsifier that is not dare, or statistics over all deltas.
void check_delta_models(const Work& work);

}  // namespace dare::pipeline
