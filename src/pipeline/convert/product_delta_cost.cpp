#include <dare/pipeline/product_delta_cost.hpp>

#include "pipeline/convert/delta_parts.hpp"
#include "pipeline/convert/product_mask.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {

using recipe::TensorTask;

std::optional<std::string> no_deltas(const Work& work, const Product& product) {
  for (std::size_t m = 0; m < work.models.size(); ++m) {
    if (work.models[m].delta || !work.models[m].low_rank.empty()) {
      return fmt::format("{}: a delta checkpoint or an adapter already; outputs: delta packs whole models", work.models[m].root.string());
    }
  }
  for (const auto& task : product.job.tasks) {
    if (task.action != TensorTask::Action::merge || merge::needs_only_kept(task.settings)) continue;
    return fmt::format(
        "tensor \"{}\": outputs: delta has what DARE keeps, the method looks at deltas beyond that; use {}, or outputs: model",
        task.settings.name, merge::k_methods_of_kept);
  }
  return std::nullopt;
}

DeltaCost delta_cost(const Work& work, const Product& product, const RunOptions& run) {
  DeltaCost cost;
  for (std::size_t m = 0; m < work.models.size(); ++m) {
    const auto& model = work.models[m];
    const double kept = 1 - mask_of(product, m).drop_rate;
    std::uint64_t bytes = 0;
    for (const auto& part : delta_parts(model, work.frame).parts) {
      const auto& tensor = model.tensors[part.tensor];
      cost.bytes_read += tensor.bytes;
      bytes += part.packed ? static_cast<std::uint64_t>(kept * static_cast<double>(tensor.bytes)) : tensor.bytes;
      // Counts of kept elements, also as they are gathered, and hashes of blocks.
      cost.memory += tensor.elements / checkpoint::k_kept_run * 3 * sizeof(std::uint64_t) + sizeof(Hash128);
    }
    cost.bytes_written += bytes;
    cost.files = std::max(cost.files, bytes / std::max<std::uint64_t>(run.shard_size, 1) + 2);
  }
  cost.memory += (std::uint64_t{1} << 16U) + sizeof(std::uint64_t) * checkpoint::k_kept_run;
  return cost;
}

}  // namespace dare::pipeline
