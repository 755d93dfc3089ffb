#pragma once
/// One group of ranks at work: it takes one piece of work after another until none is left.

#include "sweep/batches.hpp"
#include "sweep/dealer.hpp"
#include "sweep/results.hpp"
#include "sweep/scoring.hpp"
#include "sweep/shared.hpp"
#include "sweep/tally.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/core/pace.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

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
  std::vector<std::uint64_t> make_statistics(const PassWork& pass);
  std::vector<std::uint64_t> make_deltas(const PassWork& pass);
  // What became of a pass: products that were refused fail, of the others rank 0 writes what `add` makes of each.
  // @param outcomes  one a product, each with its refusal.  @return make()'s
  template <class Outcome, class Add>
  std::vector<std::uint64_t> write_down(const PassWork& pass, const std::vector<Outcome>& outcomes, const Add& add);
  // @return seconds of a point
  double count_pass(const PassWork& pass, std::uint64_t bytes_read, std::uint64_t bytes_written) noexcept;
  void score(std::uint64_t point);
  struct Failed {
    std::uint64_t point = 0;
    Refusal why;
    std::string recipe_json;  // empty: it was not resolved
  };
  // And with each the points whose statistics it would have given.
  void fail(std::vector<Failed> points);
  void update_results();  // on rank 0
  /// Rank 0 of the group works while the others wait without taking its processor.
  void at_root(const std::function<void()>& work);
  [[nodiscard]] std::optional<std::uint64_t> take(Dealer& dealer) const;

  const Shared& shared_;
  const comm::Communicator& group_;
  Tally tally_;
  std::multimap<std::uint64_t, std::uint64_t> given_by_;  // points whose statistics a point gives
  Scoring scoring_;                                       // of the group's rank 0, as is
  Results results_;
  Pace updates_;  // of the results
  std::chrono::steady_clock::time_point pass_start_;
};

}  // namespace dare::sweep
