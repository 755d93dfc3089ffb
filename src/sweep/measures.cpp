#include "sweep/measures.hpp"

#include "pipeline/survey_journals.hpp"
#include "sweep/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;
using pipeline::Work;

Json ratio(double numerator, double denominator) {
  return denominator == 0 ? Json{} : Json(numerator / denominator);
}

// Of two sums' roots: rounding may put it a little beyond what a cosine can be.
Json cosine(const merge::Measures& measures) {
  const auto norms = std::sqrt(measures.merged) * std::sqrt(measures.undropped);
  return norms == 0 ? Json{} : Json(std::clamp(measures.product / norms, -1.0, 1.0));
}

}  // namespace

std::optional<std::string> unmeasurable(const Work& work, const pipeline::Product& product) {
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    const auto& input = work.input(i);
    if (!input.delta || input.delta->mask.drop_rate == 0) continue;
    return fmt::format(
        "{}: a delta checkpoint holds what DARE kept of its model, and outputs: statistics measures what is lost of the whole; give the "
        "model itself, or use outputs: model",
        input.root.string());
  }
  for (const auto& task : product.job.tasks) {
    if (task.action != recipe::TensorTask::Action::merge || merge::TensorMeasurer::can_measure(task.settings)) continue;
    return fmt::format(
        "tensor \"{}\": outputs: statistics is not there for methods with auxiliary checkpoints (fisher, regmean) or weights by "
        "filter (model_stock with filter_wise); use outputs: model",
        work.frame.tensors[task.tensor].name);
  }
  return std::nullopt;
}

std::uint64_t measuring_memory(const Work& work) {
  std::uint64_t blocks = 0;
  std::uint64_t surveyed = 0;  // what passes before find is held until it is noted
  for (const auto& task : work.products.front().job.tasks) {
    blocks += merge::sum_blocks(task.settings.elements);
    if (task.action == recipe::TensorTask::Action::merge && merge::statistics_passes(task.settings) != 0) ++surveyed;
  }
  return blocks * sizeof(merge::Measures) + surveyed * sizeof(pipeline::SurveyRecord);
}

Json statistics_of(const merge::Measures& measures) {
  return {{"elements_merged", measures.counts.merged},
          {"kept_share", ratio(static_cast<double>(measures.kept), static_cast<double>(measures.deltas))},
          {"relative_error", ratio(std::sqrt(measures.error), std::sqrt(measures.delta))},
          {"cosine", cosine(measures)},
          {"sign_conflicts", measures.conflicts},
          {"elements_lost", measures.counts.swallowed}};
}

std::string tensors_csv(const Work& work, const std::vector<merge::Measures>& tensors) {
  std::string text = "tensor";
  const auto columns = statistics_of({});
  for (const auto& [key, unused] : columns.items()) text += ',' + key;
  text += '\n';
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (tensors[t].deltas == 0) continue;
    text += csv_cell(work.frame.tensors[work.products.front().job.tasks[t].tensor].name);
    const auto statistics = statistics_of(tensors[t]);
    for (const auto& [key, value] : statistics.items()) text += ',' + (value.is_null() ? "" : value.dump());
    text += '\n';
  }
  return text;
}

}  // namespace dare::sweep
