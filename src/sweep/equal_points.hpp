#pragma once
/// Points whose outputs are the same by definition: where nothing is drawn a seed makes no difference.

#include "sweep/family.hpp"
#include "sweep/standing.hpp"

#include <dare/merge/method.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dare::sweep {

/// Equal for recipes whose outputs have the same bytes although their settings differ: of drop rates of 0 neither the rescale (l1 excepted)
/// nor the random stream counts, of recipes that draw nothing the seed does not. Pure. @param recipe_json  of recipe::MergeJob.
[[nodiscard]] Hash128 outcome_of(const std::string& recipe_json, const merge::Method& method);

/// Points that equal one before them, each with the first that it equals, in order. Pure. @param keys  of all points.
[[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> equal_points(const std::vector<PointKey>& keys);

/// The points to do whose statistics another gives, each with that one: a point that is done, else the first that is to do. Pure.
[[nodiscard]] std::map<std::uint64_t, std::uint64_t> given_points(const std::vector<PointKey>& keys, const std::vector<Standing>& standing);

/// The record of a point whose statistics are another's: without times, for nothing was computed. Pure.
/// @param source  the other's record.  @param family  of both.
[[nodiscard]] Record given_record(const Specification& specification, std::uint64_t point, const Family& family, Record source);

}  // namespace dare::sweep
