#include "pipeline/convert/product_mask.hpp"

#include <algorithm>

namespace dare::pipeline {
namespace {

using recipe::TensorTask;

// Calls visit(task, position) for each tensor that the model takes part in.
template <class Visit>
void each_term(const Product& product, std::size_t model, const Visit& visit) {
  for (const auto& task : product.job.tasks) {
    if (task.action != TensorTask::Action::merge) continue;
    for (std::size_t k = 0; k < task.inputs.size(); ++k) {
      if (task.inputs[k].model == static_cast<std::int32_t>(model)) visit(task, k);
    }
  }
}

}  // namespace

checkpoint::DeltaMask mask_of(const Product& product, std::size_t model) {
  checkpoint::DeltaMask mask{0, model, 1};
  each_term(product, model, [&](const TensorTask& task, std::size_t k) {
    const auto& term = task.settings.models[k];
    mask = {task.settings.seed, term.stream, std::min(mask.drop_rate, term.rate.drop)};
  });
  return mask;
}

}  // namespace dare::pipeline
