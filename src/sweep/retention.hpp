#pragma once
/// Which checkpoints stay once they are scored.

#include "sweep/record.hpp"
#include "sweep/specification.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dare::sweep {

/// Deletes a record's checkpoint and writes that down. Several processes may do so at once. Local. @throws IoError
void delete_checkpoint(const Places& places, Record& record);

/// Removes an output, with a file's manifest; no record is touched. Local. @throws IoError
void remove_output(const std::filesystem::path& output);

/// Removes what is left of a checkpoint where a run was killed within delete_checkpoint(). Local. @throws IoError
void finish_deletion(const std::filesystem::path& output);

/// Does so for all checkpoints of these points and of those that have a record, whatever made them; what cannot be removed stays, for the
/// next run to remove. Nobody else may be at it. Local.
void remove_cut_deletions(const Places& places, const std::set<std::string>& points) noexcept;

/// Keeps what `keep` says of the checkpoints that it is told of, and touches no other. Of several that see a part each, none deletes the
/// best of all.
class Retention {
 public:
  /// References must outlive it.
  Retention(const Settings& settings, const Places& places) : settings_{settings}, places_{places} {}

  /// Takes a record that may be deleted: with keep: none it is; with keep: best it or the best so far is, whichever is worse. What has no
  /// checkpoint, no scores or not the one that decides counts for nothing. Local. @throws IoError
  /// @param position  the point's place in the sweep: of equals the first stays.
  void add(std::uint64_t position, Record record);

 private:
  struct Best {
    std::uint64_t position = 0;
    double score = 0;
    Record record;
  };
  [[nodiscard]] bool is_better(const Best& one, const Best& other) const noexcept;

  const Settings& settings_;
  const Places& places_;
  std::optional<Best> best_;
};

/// The best of scored points.
struct BestPoint {
  std::string score;             ///< that decides
  nlohmann::ordered_json value;  ///< a number
  std::string point;
  std::vector<std::string> equals;  ///< other points with that value, in order
};
/// Of equals the first, which is the one that keep: best keeps; nothing where none has the score that decides: the settings', or the first
/// that any has. Pure.
[[nodiscard]] std::optional<BestPoint> best_of(const Settings& settings, const std::vector<const Record*>& records);

}  // namespace dare::sweep
