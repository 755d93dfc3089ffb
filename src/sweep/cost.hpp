#pragma once
/// What a sweep costs, for people and programs.

#include "sweep/costing.hpp"

#include <cstdint>
#include <string>
#include <utility>
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
  std::uint64_t bytes_kept = 0;       ///< on the disk when all is done
  std::uint64_t bytes_at_once = 0;    ///< the most on the disk while it is done, keep: none and best
  std::uint64_t bytes_begun = 0;      ///< of them there already, of interrupted runs that this one goes on from
  std::uint64_t bytes_discarded = 0;  ///< of interrupted runs that this one does not go on from: they go
  std::uint64_t earlier_passes = 0;   ///< of the methods, the most of any point
  std::uint64_t earlier_bytes = 0;
  std::uint64_t bytes_free = 0;
  std::uint64_t bytes_to_score = 0;    ///< of checkpoints that are there and go once they are scored
  std::uint64_t memory_of_points = 0;  ///< bytes on a rank that the points of the largest pass take
  std::uint64_t memory_per_rank = 0;   ///< bytes that a rank may take in all
  /// Of the points to do those that were done, and what is wrong with their outputs now.
  std::vector<std::pair<std::string, std::string>> made_again;
  std::uint64_t equal = 0;  ///< points whose checkpoints equal another's
  int groups = 1;
  int ranks = 1;
};

/// Pure. @param batches  of make_batches, for so many groups.
[[nodiscard]] SweepCost cost_of(const Specification& specification, const Costing& costing, const std::vector<Standing>& standing,
                                const std::vector<Batch>& batches, int groups);

/// Whether the most bytes that are there at once fit what is free, without what goes once it is scored. Pure.
[[nodiscard]] bool fits_now(const SweepCost& cost) noexcept;

/// @throws InputError  the most bytes that are there at once do not fit what is free: needed, free, folder and what to do. Pure.
void require_space(const SweepCost& cost, const Settings& settings, const std::filesystem::path& folder);

/// A few aligned lines. @param columns  of the terminal, 0: no limit
[[nodiscard]] std::string to_text(const SweepCost& cost, std::size_t columns);
/// One JSON object.
[[nodiscard]] std::string to_json(const SweepCost& cost);

}  // namespace dare::sweep
