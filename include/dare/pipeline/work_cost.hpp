#pragma once
/// What work takes besides the one read of its inputs that the slice loop is.

#include <dare/pipeline/work.hpp>
#include <dare/plan/plan.hpp>

#include <cstdint>

namespace dare::pipeline {

/// What the passes before the merge cost; the most passes of any tensor.
[[nodiscard]] plan::EarlierPasses survey_cost(const Work& work);

/// Bytes that merging takes on a rank besides the buffers of tiles: rows, whole tensors, the solver's matrices; or, if
/// that is more, that the passes before it
/// hold of one tensor beyond 32 MiB. The largest of all tensors.
[[nodiscard]] std::uint64_t working_memory(const Work& work);

}  // namespace dare::pipeline
