#pragma once
/// What points cost, and which of them cannot work, before a weight is read.

#include "sweep/batches.hpp"
#include "sweep/family.hpp"
#include "sweep/standing.hpp"

#include <dare/core/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::sweep {

/// One family's.
struct FamilyCost {
  std::uint64_t bytes_read = 0;       ///< a pass
  std::uint64_t bytes_written = 0;    ///< a point
  std::uint64_t bytes_beside = 0;     ///< a point, besides, as long as its pass is under way
  std::uint64_t earlier_passes = 0;   ///< the most that a point's method takes before its merge, for itself
  std::uint64_t earlier_bytes = 0;    ///< what they read at most, of all points to do: where no two share them
  std::uint64_t memory_of_point = 0;  ///< bytes on a rank besides the buffers that all points share
  std::uint64_t files_of_point = 0;
  std::uint64_t input_files = 0;
  bool alone = false;                ///< a method holds whole tensors in memory: one point a pass
  std::vector<std::uint64_t> to_do;  ///< points
  template <class A>
  void archive(A& a) {
    a(bytes_read, bytes_written, bytes_beside, earlier_passes, earlier_bytes, memory_of_point, files_of_point, input_files, alone, to_do);
  }
};

struct RefusedPoint {
  std::uint64_t point = 0;
  Refusal why;
  template <class A>
  void archive(A& a) {
    a(point, why);
  }
};

struct Costing {
  std::vector<FamilyCost> families;
  std::vector<RefusedPoint> refused;  ///< of the points to do; none of them is in a family's to_do
  template <class A>
  void archive(A& a) {
    a(families, refused);
  }
};

/// Resolves the points to do against the headers: all of them, or where that would take long one of each method and family. Local.
/// @param keys  of all points of the families.
[[nodiscard]] Costing cost_points(const Specification& specification, const std::vector<PointKey>& keys,
                                  const std::vector<Family>& families, const std::vector<Standing>& standing, const Places& places,
                                  const pipeline::RunOptions& run);

}  // namespace dare::sweep
