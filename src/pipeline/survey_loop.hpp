#pragma once
/// What must be known of whole tensors before their elements are merged: the passes over the inputs that come before the slice loop.

#include "pipeline/finished_blocks.hpp"
#include "pipeline/inputs.hpp"
#include "pipeline/survey_journals.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/merge/statistics.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/plan/plan.hpp>

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace dare::pipeline {

/// The statistics of one product's tensors.
class ProductStatistics {
 public:
  void set(std::uint32_t task, merge::TensorStatistics statistics) { of_task_[task] = std::move(statistics); }
  /// Empty for a tensor that needs none.
  [[nodiscard]] merge::TensorStatistics of_task(std::uint32_t task) const {
    const auto found = of_task_.find(task);
    return found == of_task_.end() ? merge::TensorStatistics{} : found->second;
  }

 private:
  std::unordered_map<std::uint32_t, merge::TensorStatistics> of_task_;
};

/// Surveys all tensors that need it and have a block to do, together for products that read the same, as many tensors at a time as the
/// memory of `options` allows. Collective; the same result on all ranks. @throws comm::AgreedError
/// @param finished  blocks that are not to do of a product, although others have them to do.
/// @param journals  of what interrupted runs have found, which is not looked for again; takes what this one finds and notes it now
///                  and then, the last of it when the caller says so. May be null.
[[nodiscard]] std::vector<ProductStatistics> survey(const Work& work, const plan::Plan& plan, const FinishedBlocks& finished,
                                                    const RunOptions& options, Inputs& inputs, const comm::Communicator& world,
                                                    SurveyJournals* journals = nullptr);

/// The statistics of one tensor of the only product; no other is surveyed unless they depend on each other. Collective.
/// @throws comm::AgreedError
[[nodiscard]] merge::TensorStatistics survey_tensor(const Work& work, std::uint32_t task, const plan::Plan& plan, Inputs& inputs,
                                                    const comm::Communicator& world);

}  // namespace dare::pipeline
