#include "pipeline/delta_report.hpp"

#include "compare/fitness.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr std::uint64_t k_least_sample = 1000;  // elements; of fewer the cosine says little

}  // namespace

void DeltaFlags::join(const comm::Communicator& world) {
  std::vector<std::int64_t> seen(seen_.begin(), seen_.end());
  world.all_reduce(seen, comm::Reduce::max);
  std::transform(seen.begin(), seen.end(), seen_.begin(), [](auto flag) { return static_cast<std::uint8_t>(flag); });
  const auto all = world.all_gather(likeness_);
  std::fill(likeness_.begin(), likeness_.end(), merge::Likeness{});
  for (std::size_t i = 0; i < all.size(); ++i) likeness_[i % models_].add(all[i]);
}

std::vector<ModelDeltas> count_deltas(const Work& work, const Product& product, const DeltaFlags& flags, const plan::Grid& grid,
                                      std::span<const std::uint64_t> reused) {
  std::vector<bool> partly(work.frame.tensors.size());
  for (const auto block : reused) partly[grid.block(block).tensor] = true;
  std::vector<ModelDeltas> models(work.models.size());
  for (const auto& task : product.job.tasks) {
    const bool merged = task.action == recipe::TensorTask::Action::merge && task.settings.has_base && task.settings.elements != 0;
    if (!merged || partly[task.tensor]) continue;
    for (const auto& input : task.inputs) {
      if (input.model < 0) continue;
      auto& of = models[static_cast<std::size_t>(input.model)];
      ++of.tensors;
      if (!flags.seen(task.tensor, input.model)) ++of.without;
    }
  }
  for (std::size_t m = 0; m < models.size(); ++m) models[m].likeness = flags.likeness(m);
  return models;
}

std::vector<std::string> delta_warnings(const Work& work, std::span<const ModelDeltas> models, bool resumed) {
  std::vector<std::string> lines;
  const auto* const of_this_run = resumed ? " that this run merged whole" : " merged";
  for (std::size_t m = 0; m < models.size(); ++m) {
    const auto& of = models[m];
    const auto model = fmt::format("model {} ({})", m + 1, work.models[m].root.string());
    const auto cosine = of.likeness.elements >= k_least_sample ? of.likeness.cosine() : std::nullopt;
    if (cosine && *cosine < compare::k_unrelated_cosine) {
      lines.push_back(fmt::format(
          "{}: probably not trained from this base: the cosine of its weight matrices with the base's is {:.2f} in a sample, below {}; "
          "dare-inspect --base {} {} measures them all",
          model, *cosine, compare::k_unrelated_cosine, work.frame.root.string(), work.models[m].root.string()));
    }
    if (of.likeness.elements >= k_least_sample && of.likeness.model_squares == 0 && of.likeness.base_squares != 0) {
      lines.push_back(fmt::format(
          "{}: its weight matrices are all zeros in a sample of {} elements, the base's are not; is it the path that was meant?", model,
          of.likeness.elements));
    }
    if (of.without == 0) continue;
    if (of.without == of.tensors) {
      lines.push_back(fmt::format("{}: equal to the base in every tensor{}; is it the path that was meant?", model, of_this_run));
    } else {
      lines.push_back(fmt::format("{}: {} of {} tensors{} have no delta", model, of.without, of.tensors, of_this_run));
    }
  }
  return lines;
}

}  // namespace dare::pipeline
