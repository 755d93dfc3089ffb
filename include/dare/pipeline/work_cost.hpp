#pragma once
/// What work takes besides the one read of its inputs that the slice loop is.

#include <dare/pipeline/work.hpp>
#include <dare/plan/plan.hpp>

#include <cstdint>
#include <vector>

namespace dare::pipeline {

/// What the passes before the merge cost where each product makes its own, which is the most that they can; the most passes of any tensor.
/// @param to_do  by task, whether there is a block of it to do.
[[nodiscard]] plan::EarlierPasses survey_cost(const Work& work, const std::vector<bool>& to_do);
/// With everything to do.
[[nodiscard]] plan::EarlierPasses survey_cost(const Work& work);

/// Whether a job's task is surveyed: if it needs that and has a block to do, or any has where all tensors depend on each other.
[[nodiscard]] bool is_surveyed(const recipe::MergeJob& job, std::size_t task, const std::vector<bool>& to_do);

/// Bytes that one reading of a task's inputs is.
[[nodiscard]] std::uint64_t bytes_of_files(const Work& work, const recipe::TensorTask& task);

/// Bytes of accumulators that the passes before one product's merge hold on a rank at least: of one tensor, or of all that depend on each
/// other.
[[nodiscard]] std::uint64_t survey_memory(const recipe::MergeJob& job);

/// Bytes of headers and tasks, which every rank holds from beginning to end, and of the message that headers come in: by the number of
/// models and tensors, not by their size.
[[nodiscard]] std::uint64_t held_memory(const Work& work);

/// Bytes that merging takes on a rank besides the buffers of tiles: rows, whole tensors, the solver's matrices; or, if that is more, what
/// the passes before it hold beyond 32 MiB, of one tensor or of all that depend on each other. And held_memory() beyond 16 MiB.
[[nodiscard]] std::uint64_t working_memory(const Work& work);

}  // namespace dare::pipeline
