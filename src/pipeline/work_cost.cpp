#include <dare/pipeline/work_cost.hpp>

#include <dare/merge/statistics.hpp>

#include <algorithm>
#include <optional>

namespace dare::pipeline {
namespace {

constexpr std::uint64_t k_adapter_bytes = std::uint64_t{16} << 20U;  // of its factors that a LoraReader keeps
// Of the 64 MiB that a rank may take besides what it is allowed: half for the passes before the merge, a quarter for what is held
// throughout.
constexpr std::uint64_t k_survey_allowance = std::uint64_t{32} << 20U;
constexpr std::uint64_t k_held_allowance = std::uint64_t{16} << 20U;
constexpr std::uint64_t k_block_overhead = 16;  // of the allocator
constexpr std::uint64_t k_index_entry = 64;     // of Header::find
constexpr std::uint64_t k_message_fields = 72;  // a tensor's numbers, and the sizes of what varies

std::uint64_t bytes_in_memory(const Work& work, const recipe::TensorTask& task) {
  std::uint64_t bytes = 0;
  for_each_read(work, task, [&](std::size_t input, std::uint32_t tensor) { bytes += work.input(input).tensors[tensor].bytes; });
  return bytes;
}

// What follows from sizes, not from capacities: rank 0 has the headers that it read, the others copies of them, and all must come to one
// plan.

// Text beyond what stands in the object itself, and the block that it takes.
std::uint64_t held_by(const std::string& text) {
  return text.size() < sizeof(std::string) / 2 ? 0 : text.size() + 1 + k_block_overhead;
}

std::uint64_t held_by(const Shape& shape) {
  return shape.empty() ? 0 : shape.size() * sizeof(shape[0]) + k_block_overhead;
}

std::uint64_t held_by(const checkpoint::TensorInfo& tensor) {
  return sizeof(tensor) + held_by(tensor.name) + held_by(tensor.dataset) + held_by(tensor.shape) + held_by(tensor.strides);
}

// In the message that hands a header out. It is gone when the merge begins, but a process keeps memory that it has had in small pieces.
std::uint64_t in_message(const checkpoint::TensorInfo& tensor) {
  return k_message_fields + tensor.name.size() + tensor.dataset.size() +
         (tensor.shape.size() + tensor.strides.size()) * sizeof(std::uint64_t);
}

std::uint64_t held_by(const checkpoint::Header& header) {
  std::uint64_t bytes = 0;
  for (const auto& tensor : header.tensors) bytes += held_by(tensor) + in_message(tensor) + k_index_entry;
  for (const auto& factors : header.low_rank) bytes += sizeof(factors) + 2 * held_by(factors.a.name);
  if (header.delta) {
    for (const auto& tensor : header.delta->stored) bytes += held_by(tensor) + sizeof(std::uint64_t) + 1;
  }
  return bytes;
}

std::uint64_t held_by(const recipe::TensorTask& task) {
  return sizeof(task) + held_by(task.settings.name) + held_by(task.shape) + task.settings.models.size() * sizeof(merge::ModelTerm) +
         task.inputs.size() * sizeof(recipe::TensorTask::Input) + 2 * k_block_overhead;
}

// Of one tensor's merge. The result of a tensor or row that is merged as one stays, one a product; all else is one product's at a time.
std::uint64_t merging_memory(const Work& work, std::size_t t) {
  std::uint64_t most = 0;
  std::uint64_t results = 0;
  for (const auto& product : work.products) {
    const auto& task = product.job.tasks[t];
    if (task.action != recipe::TensorTask::Action::merge) continue;
    const auto& settings = task.settings;
    auto bytes = merge::working_memory(settings);
    if (merge::needs_whole_tensor(settings)) {
      bytes += bytes_in_memory(work, task);
      results += settings.elements * info(settings.out_dtype).bits / 8;
    } else if (merge::needs_rows(settings)) {
      bytes += 2 * settings.row * (task.inputs.size() + 1) * 8;  // a tile may begin and end within rows
      results += settings.row * info(settings.out_dtype).bits / 8;
    }
    most = std::max(most, bytes);
  }
  return most + results;
}

}  // namespace

std::uint64_t bytes_of_files(const Work& work, const recipe::TensorTask& task) {
  std::uint64_t bytes = 0;
  for_each_read(work, task, [&](std::size_t input, std::uint32_t tensor) { bytes += stored_bytes(work.input(input), tensor); });
  return bytes;
}

std::uint64_t survey_memory(const recipe::MergeJob& job) {
  std::uint64_t most = 0;
  std::optional<merge::TensorSettings> model;  // of a tensor of all elements: those of all tensors together
  for (const auto& task : job.tasks) {
    const auto& settings = task.settings;
    if (task.action != recipe::TensorTask::Action::merge || merge::statistics_passes(settings) == 0) continue;
    most = std::max(most, merge::Survey::memory(settings));
    if (!merge::needs_whole_model(settings)) continue;
    if (!model) model.emplace(settings).elements = 0;
    model->elements += merge::sum_blocks(settings.elements) * merge::k_sum_block;
  }
  if (model) most = std::max(most, merge::Survey::memory(*model));
  return most;
}

bool is_surveyed(const recipe::MergeJob& job, std::size_t task, const std::vector<bool>& to_do) {
  const auto& settings = job.tasks[task].settings;
  if (job.tasks[task].action != recipe::TensorTask::Action::merge || merge::statistics_passes(settings) == 0) return false;
  return to_do[task] || (merge::needs_whole_model(settings) && std::find(to_do.begin(), to_do.end(), true) != to_do.end());
}

plan::EarlierPasses survey_cost(const Work& work) {
  return survey_cost(work, std::vector<bool>(work.products.front().job.tasks.size(), true));
}

plan::EarlierPasses survey_cost(const Work& work, const std::vector<bool>& to_do) {
  plan::EarlierPasses cost;
  for (const auto& product : work.products) {
    for (std::size_t t = 0; t < product.job.tasks.size(); ++t) {
      if (!is_surveyed(product.job, t, to_do)) continue;
      const auto& task = product.job.tasks[t];
      const auto passes = merge::statistics_passes(task.settings);
      cost.passes = std::max(cost.passes, passes);
      cost.bytes_read += passes * bytes_of_files(work, task);
    }
  }
  return cost;
}

std::uint64_t held_memory(const Work& work) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < work.inputs(); ++i) bytes += held_by(work.input(i));
  for (const auto& product : work.products) {
    for (const auto& task : product.job.tasks) bytes += held_by(task);
  }
  return bytes;
}

std::uint64_t working_memory(const Work& work) {
  std::uint64_t most = 0;
  const auto tasks = work.products.front().job.tasks.size();
  for (std::size_t t = 0; t < tasks; ++t) most = std::max(most, merging_memory(work, t));
  // Before the merge what is there for buffers then is free.
  for (const auto& product : work.products) {
    const auto survey = survey_memory(product.job);
    most = std::max(most, survey > k_survey_allowance ? survey - k_survey_allowance : 0);
  }
  std::uint64_t adapters = 0;
  for (const auto& model : work.models) adapters += model.low_rank.empty() ? 0 : k_adapter_bytes;
  const auto held = held_memory(work);
  return most + adapters + (held > k_held_allowance ? held - k_held_allowance : 0);
}

}  // namespace dare::pipeline
