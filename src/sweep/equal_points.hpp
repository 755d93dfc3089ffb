#pragma once
/// Points whose outputs are the same by definition: where nothing is drawn a seed makes no difference.

#include "sweep/family.hpp"

#include <dare/merge/method.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dare::sweep {

/// Equal for recipes whose outputs have the same bytes although their settings differ: of drop rates of 0 neither the rescale (l1 excepted)
/// nor the random stream counts, of recipes that draw nothing the seed does not. Pure. @param recipe_json  of recipe::MergeJob.
[[nodiscard]] Hash128 outcome_of(const std::string& recipe_json, const merge::Method& method);

/// Points that equal one before them, each with the first that it equals, in order. Pure. @param keys  of all points.
[[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> equal_points(const std::vector<PointKey>& keys);

}  // namespace dare::sweep
