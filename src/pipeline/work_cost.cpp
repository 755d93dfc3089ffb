#include <dare/pipeline/work_cost.hpp>

#include <dare/merge/statistics.hpp>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr std::uint64_t k_adapter_bytes = std::uint64_t{16} << 20U;  // of its factors that a LoraReader keeps
// Half of the 64 MiB that a rank may take besides what it is allowed.
constexpr std::uint64_t k_survey_allowance = std::uint64_t{32} << 20U;

std::uint64_t read_bytes(const Work& work, const recipe::TensorTask& task) {
  std::uint64_t bytes = 0;
  for_each_read(work, task, [&](std::size_t input, std::uint32_t tensor) { bytes += work.input(input).tensors[tensor].bytes; });
  return bytes;
}

}  // namespace

plan::EarlierPasses survey_cost(const Work& work) {
  plan::EarlierPasses cost;
  for (const auto& product : work.products) {
    for (const auto& task : product.job.tasks) {
      if (task.action != recipe::TensorTask::Action::merge) continue;
      const auto passes = merge::statistics_passes(task.settings);
      cost.passes = std::max(cost.passes, passes);
      cost.bytes_read += passes * read_bytes(work, task);
    }
  }
  return cost;
}

std::uint64_t working_memory(const Work& work) {
  std::uint64_t most = 0;
  std::uint64_t adapters = 0;
  for (const auto& model : work.models) adapters += model.low_rank.empty() ? 0 : k_adapter_bytes;
  for (const auto& product : work.products) {
    for (const auto& task : product.job.tasks) {
      if (task.action != recipe::TensorTask::Action::merge) continue;
      const auto& settings = task.settings;
      auto bytes = merge::working_memory(settings);
      if (merge::needs_whole_tensor(settings)) {
        bytes += read_bytes(work, task) + settings.elements * info(settings.out_dtype).bits / 8;
      } else if (merge::needs_rows(settings)) {
        bytes += 2 * settings.row * (task.inputs.size() + 1) * 8;  // a tile may begin and end within rows
      }
      most = std::max(most, bytes);
      // Before the merge: the accumulators of at least one tensor.
      const auto survey = merge::statistics_passes(settings) != 0 ? merge::Survey::memory(settings) : 0;
      if (survey > k_survey_allowance) most = std::max(most, survey - k_survey_allowance);
    }
  }
  return most + adapters;
}

}  // namespace dare::pipeline
