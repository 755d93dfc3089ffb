#pragma once
/// One group of ranks at work: it takes one piece of work after another until none is left.

#include "sweep/batches.hpp"
#include "sweep/dealer.hpp"
#include "sweep/family.hpp"
#include "sweep/results.hpp"
#include "sweep/retention.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/core/pace.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

/// What all groups know.
struct Shared {
  const Specification& specification;
  const std::vector<Family>& families;
  const Places& places;
  const pipeline::RunOptions& run;
  const std::vector<std::string>& names;                ///< of all points
  std::filesystem::path dealing;                        ///< make_dealing_folder()
  const std::map<std::uint64_t, std::uint64_t>& given;  ///< given_points()
  std::uint64_t told_before;                            ///< points that were evaluated before these
  bool tells_scores;                                    ///< each point's on stderr, once it is evaluated
};

/// What a group did; the same on all its ranks.
struct Tally {
  std::int64_t done = 0;
  std::int64_t failed = 0;    ///< nothing was made
  std::int64_t unscored = 0;  ///< made, but their evaluation failed
  std::int64_t input = 0;     ///< of them: exit code 3
  std::int64_t usage = 0;     ///< of them: exit code 2
  std::int64_t passes = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::int64_t signal = 0;  ///< that stopped it
  std::int64_t broken = 0;  ///< 1: it stopped, since no evaluation of a pass gave scores that let its checkpoints go
  void add(const Tally& other) noexcept;
  void add_failure(ExitCode code) noexcept;
};

class GroupRun {
 public:
  /// References must outlive it.
  GroupRun(const Shared& shared, const comm::Communicator& group);

  /// Takes batches, then points that are only to be scored, as they are dealt. Collective over the group.
  /// @throws comm::AgreedError  of the group: records cannot be written.
  void run(const std::vector<Batch>& batches, const std::vector<std::uint64_t>& to_score);
  /// What it has done so far, also where run() threw.
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }

 private:
  void run_batch(const Batch& batch);
  [[nodiscard]] bool scores_nothing(std::int64_t done_before, std::int64_t unscored_before) const noexcept;
  // The points that are to be scored: a failure there is none of what was made.
  std::vector<std::uint64_t> make(const PassWork& pass);
  std::vector<std::uint64_t> make_models(const PassWork& pass);
  void make_statistics(const PassWork& pass);
  void make_deltas(const PassWork& pass);
  [[nodiscard]] Record record_of(const PassWork& pass, std::size_t product) const;
  void count_pass(const PassWork& pass, std::uint64_t bytes_read, std::uint64_t bytes_written) noexcept;
  [[nodiscard]] Record record_of_model(const PassWork& pass, std::size_t product, const merge::Counts& counts) const;
  void keep_scores(Record& record) const;
  void score(std::uint64_t point);
  void retain(std::uint64_t point, Record record);
  void tell(const Record& record, std::chrono::duration<double> elapsed);
  void fail(std::uint64_t point, const Error& error, const std::string& recipe_json);
  void update_results();
  /// Rank 0 of the group works while the others wait without taking its processor.
  void at_root(const std::function<void()>& work);
  [[nodiscard]] std::optional<std::uint64_t> take(Dealer& dealer) const;

  const Shared& shared_;
  const comm::Communicator& group_;
  Tally tally_;
  std::multimap<std::uint64_t, std::uint64_t> given_by_;  // points whose statistics a point gives
  Dealer evaluated_;                                      // of the group's rank 0: it counts the points that any group has evaluated
  Results results_;                                       // of the group's rank 0, as is
  Retention retention_;                                   // what this group has scored
  std::chrono::steady_clock::time_point pass_start_;
  double compute_s_ = 0;  // a point of the last pass
  Pace updates_;          // of the results
};

}  // namespace dare::sweep
