#pragma once
/// What a sweep costs, for people and programs.

#include "sweep/costing.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dare::sweep {

struct SweepCost {
  std::uint64_t points = 0;
  std::uint64_t done = 0;      ///< by earlier runs
  std::uint64_t to_score = 0;  ///< likewise, but their scores are missing
  std::uint64_t refused = 0;
  std::uint64_t to_do = 0;
  std::uint64_t families = 0;
  std::vector<std::uint64_t> passes;  ///< points of each, largest pass first
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_kept = 0;      ///< on the disk when all is done
  std::uint64_t earlier_passes = 0;  ///< of the methods, the most of any point
  std::uint64_t earlier_bytes = 0;
  std::uint64_t bytes_free = 0;
  std::uint64_t memory_of_points = 0;  ///< bytes on a rank that the points of the largest pass take
  std::uint64_t memory_per_rank = 0;   ///< bytes that a rank may take in all
  int groups = 1;
  int ranks = 1;
};

/// Pure. @param batches  of make_batches.
[[nodiscard]] SweepCost cost_of(const Specification& specification, const Costing& costing, const std::vector<Standing>& standing,
                                const std::vector<Batch>& batches);

/// A few aligned lines.
[[nodiscard]] std::string to_text(const SweepCost& cost);
/// One JSON object.
[[nodiscard]] std::string to_json(const SweepCost& cost);

}  // namespace dare::sweep
