#pragma once
/// Which tensors of which products the passes before the merge survey together.

#include <dare/pipeline/work.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dare::pipeline {

/// Tasks that are surveyed in the same passes, ascending.
using SurveyBatch = std::vector<std::uint32_t>;

/// Products whose tensors are surveyed in the same passes: points of a sweep that differ in how much they keep. Those that differ in
/// nothing that a survey looks at are one setting.
struct SurveyGroup {
  std::vector<std::uint32_t> tasks;                ///< that are surveyed, ascending; the same of each product
  std::vector<std::vector<std::size_t>> products;  ///< by setting
  std::uint64_t memory = 0;                        ///< bytes of accumulators on a rank, at least

  [[nodiscard]] std::size_t first() const { return products.front().front(); }
};

/// The tasks of a job that are surveyed, ascending; see is_surveyed(). Pure.
[[nodiscard]] std::vector<std::uint32_t> surveyed_tasks(const recipe::MergeJob& job, const std::vector<bool>& to_do);

/// Sorts the products that have something to survey into groups. Pure.
/// @param tasks   by product: those that are to be surveyed, ascending.
/// @param memory  bytes of accumulators that a group may have on a rank; one setting goes in any case.
[[nodiscard]] std::vector<SurveyGroup> survey_groups(const Work& work, std::vector<std::vector<std::uint32_t>> tasks, std::uint64_t memory);

/// A group's tasks in portions: as many as the memory allows, all where they depend on each other. Pure. @param job  of the first product.
[[nodiscard]] std::vector<SurveyBatch> survey_batches(const SurveyGroup& group, const recipe::MergeJob& job, std::uint64_t memory);

}  // namespace dare::pipeline
