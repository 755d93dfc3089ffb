#pragma once
/// The statistics of merges instead of their outputs.

#include <dare/comm/communicator.hpp>
#include <dare/merge/measure.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <optional>
#include <vector>

namespace dare::pipeline {

/// Of one product; the same on all ranks.
struct ProductMeasures {
  std::optional<comm::AgreedError> refusal;  ///< why it has none
  std::vector<merge::Measures> tensors;      ///< one a task; all zero where a tensor is not merged
};

/// Measures every product of `work` in one read of the inputs; nothing is written. Collective; as everywhere
/// the sums do not depend on the ranks. @return one a product.
/// @pre merge::TensorMeasurer::can_measure() every tensor that is merged
/// @throws comm::AgreedError  the inputs cannot be read, a signal came.
[[nodiscard]] std::vector<ProductMeasures> measure(const Work& work, const RunOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
