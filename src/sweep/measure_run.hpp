#pragma once
/// The statistics of some points in one read of their inputs; nothing is written but text.

#include "pipeline/work.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/merge/measure.hpp>
#include <dare/pipeline/run_options.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

/// Of one point; the same on all ranks.
struct PointMeasures {
  std::optional<comm::AgreedError> refusal;  ///< why it has none
  std::vector<merge::Measures> tensors;      ///< one a task; all zero where a tensor is not merged
};

/// Measures every product of `work`. Collective; as everywhere the sums do not depend on the ranks. @return one a product.
/// @pre !unmeasurable(work, product)
/// @throws comm::AgreedError  the inputs cannot be read, a signal came.
[[nodiscard]] std::vector<PointMeasures> measure(const pipeline::Work& work, const pipeline::RunOptions& options,
                                                 const comm::Communicator& world);

/// Why a product cannot be measured; nothing where it can. Pure.
[[nodiscard]] std::optional<std::string> unmeasurable(const pipeline::Work& work, const pipeline::Product& product);

/// Bytes that the sums of one point take, over all ranks of a group. Pure.
[[nodiscard]] std::uint64_t measuring_memory(const pipeline::Work& work);

/// What is told of sums: kept_share, relative_error ||d' - d|| / ||d||, cosine of merged against undropped, sign_conflicts and
/// elements_lost, with the number of elements merged. Null where there is nothing to divide by. Pure.
[[nodiscard]] nlohmann::ordered_json statistics_of(const merge::Measures& measures);

/// The statistics of every merged tensor, a line each. Pure.
[[nodiscard]] std::string tensors_csv(const pipeline::Work& work, const std::vector<merge::Measures>& tensors);

}  // namespace dare::sweep
