#pragma once
/// What earlier runs of a sweep have done already.

#include "sweep/family.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

enum class Standing : std::uint8_t {
  to_do,
  given,  ///< another point of the sweep gives its statistics: it has only its row to do
  to_score,
  done,
};

/// Of a point's recipe and form of output, then of its inputs' headers: points of equal identity give equal outputs. The program's version
/// does not enter. Pure.
/// @param recipe  recipe_hash() of the point.
[[nodiscard]] std::string identity_of(const std::string& recipe, const Family& family);

/// Writes down that a point could not be made. A record of before stays, with its scores: what it tells of is still so, unless another
/// checkpoint has taken the place of its own since. Local. @throws IoError
/// @param failed  has the point and the error.
void record_failure(const Places& places, const Settings& settings, const Record& failed);

struct PointState {
  Standing standing = Standing::to_do;
  std::string identity;          ///< of the point in this run
  std::string damage;            ///< what is wrong with its output, of a point that was done and is to do for that
  std::optional<Record> scored;  ///< with keep: best, of a point with all scores: as it stands now, also where no record is written
};

/// Looks at records, manifests and the sizes of outputs' files; writes the records that a killed run had no time for, and those that other
/// settings of evaluate or score make right. Local: rank 0 calls it.
/// @param keys       of all points.
/// @param overwrite  a place that is taken by something else is to do.
/// @param write      else no record is written.
/// @return one a point.
/// @throws InputError  lists points whose place is taken by something else, and what is different there, unless `overwrite`; and points
///                     that have a damaged output with something else in it.
[[nodiscard]] std::vector<PointState> look_at_points(const Specification& specification, const std::vector<PointKey>& keys,
                                                     const std::vector<Family>& families, const Places& places, bool overwrite, bool write);

}  // namespace dare::sweep
