#include "pipeline/convert/product_mask.hpp"

#include <algorithm>

namespace dare::pipeline {

checkpoint::DeltaMask mask_of(const Product& product, std::size_t model) {
  checkpoint::DeltaMask mask{0, model, 1};
  for (const auto& task : product.job.tasks) {
    if (task.action != recipe::TensorTask::Action::merge) continue;
    for (std::size_t k = 0; k < task.inputs.size(); ++k) {
      if (task.inputs[k].model != static_cast<std::int32_t>(model)) continue;
      const auto& term = task.settings.models[k];
      mask = {task.settings.seed, term.stream, std::min(mask.drop_rate, term.rate.drop)};
    }
  }
  return mask;
}

}  // namespace dare::pipeline
