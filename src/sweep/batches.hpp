#pragma once
/// Which points are computed in one read of their inputs.

#include <cstdint>
#include <vector>

namespace dare::sweep {

/// What the points of one family (of inputs) cost, and what is still to do of it.
struct FamilyLoad {
  std::vector<std::uint64_t> points;  ///< to do, in order
  std::uint64_t bytes_read = 0;       ///< a pass
  std::uint64_t bytes_written = 0;    ///< a point
  std::uint64_t most_points = 1;      ///< in one pass: memory, open files, space on the disk
};

/// Points that one group computes in one pass.
struct Batch {
  std::uint32_t family = 0;
  std::vector<std::uint64_t> points;
  std::uint64_t bytes = 0;  ///< read and written
};

/// Cuts every family into passes of at most its most_points, of equal size but for one point, and so many that `groups` groups all have
/// some where there are points enough. Largest first: dealt in that order to whoever is free, no group ends long after the others. Pure.
[[nodiscard]] std::vector<Batch> make_batches(const std::vector<FamilyLoad>& families, int groups);

/// What bounds the points of one pass.
struct PassLimits {
  std::uint64_t memory = 0;  ///< bytes on a rank for what every point needs besides the shared buffers
  std::uint64_t memory_of_point = 1;
  std::uint64_t files = 0;  ///< that a process may still open
  std::uint64_t files_of_point = 1;
  std::uint64_t space = 0;           ///< bytes on the disk
  std::uint64_t space_of_point = 0;  ///< 0: it does not count
};
/// At least 1: a point that does not fit alone says so itself.
[[nodiscard]] std::uint64_t most_points(const PassLimits& limits) noexcept;

}  // namespace dare::sweep
