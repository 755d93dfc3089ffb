#pragma once
/// Which points can be measured, and what is told of their measures.

#include <dare/merge/measure.hpp>
#include <dare/pipeline/work.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

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
