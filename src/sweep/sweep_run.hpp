#pragma once
/// The whole run, from the specification to the last row.

#include "sweep/cost.hpp"
#include "sweep/costing.hpp"
#include "sweep/group_run.hpp"
#include "sweep/retention.hpp"
#include "sweep/standing.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/plan/plan.hpp>
#include <dare/sweep/sweep.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dare::sweep {

/// What a group has for a pass: files that it may open, bytes free on the disk.
struct Room {
  std::uint64_t files = 0;
  std::uint64_t space = 0;
};

/// How many points of a family one pass can have. Pure.
[[nodiscard]] std::uint64_t points_of_a_pass(const FamilyCost& family, const Specification& specification, const SweepOptions& options,
                                             Room room);

/// What is known of a sweep before its inputs are read.
struct Known {
  std::vector<PointKey> keys;              ///< of all points
  std::optional<RecordedInputs> recorded;  ///< of a manifest as the recipe
};

/// Looks for what can be refused of the file, of the command of evaluate and of the folder. Where there is something it looks at the inputs
/// too, of those points whose recipes are right: all is told at once. Local.
/// @param problems  of the texts as the specification was read from them.
/// @throws Error
[[nodiscard]] Known check_before_inputs(const Specification& specification, const Texts& texts, const SweepOptions& options,
                                        Problems problems);

/// Collective in all that is public.
class Sweep {
 public:
  /// References must outlive it. @param known  rank 0 alone needs it.
  Sweep(const SweepOptions& options, const comm::Communicator& world, const Specification& specification, Known known);

  /// @return the exit code.
  int run();

 private:
  // sweep_check.cpp: what is refused before the work begins

  // Where the folder and the inputs do not lie in each other no point of it can be among them.
  [[nodiscard]] bool lies_apart(const Family& family) const;
  void refuse_outputs_among_inputs() const;
  // Before hours of other points: what cannot be read now most often has its name misspelt. Each point's own was told already.
  void refuse_unreadable_inputs() const;
  // What no pass can work with none of its points could either.
  void refuse_too_little_memory() const;
  void record_refused() const;

  // sweep_plan.cpp: what is done already, and what the rest costs

  void look();
  // Once nothing can be refused any more: until then nothing is lost.
  void remove_damaged();
  [[nodiscard]] std::uint64_t bytes_damaged() const;
  // Of runs that were killed: cut deletions, journals of statistics that no point to do goes on from.
  void remove_leftovers() const;
  void tell_of_damage() const;
  void tell_of_equals();
  [[nodiscard]] std::map<std::uint64_t, std::uint64_t> find_given() const;
  void make_lost_best_again(std::vector<PointState>& states) const;
  [[nodiscard]] Costing cost_points_to_do() const;
  void plan();
  // What interrupted runs have left of the points to do.
  struct Begun {
    std::uint64_t points = 0;     // that have finished blocks, which the same command goes on from
    std::uint64_t bytes = 0;      // of these on the disk
    std::uint64_t discarded = 0;  // bytes of others: nothing of them is used
  };
  [[nodiscard]] Begun begun(pipeline::Unfinished unfinished) const;
  // With keep: best one of them stays.
  [[nodiscard]] std::uint64_t bytes_to_score() const;
  // Plans anew with what is free once what is scored is gone.
  void make_room();

  // sweep_work.cpp: the groups at work

  // Where the checkpoints to do do not fit, those that only lack their scores are scored first: they go then.
  Tally work_in_the_room();
  Tally write_given() const;
  Tally work(const std::vector<Batch>& batches, const std::vector<std::uint64_t>& to_score, std::uint64_t told_before);
  // At once: the others may go on for hours.
  void tell_of_lost_group(const Error& error) const;
  // Of a run that fails for another reason, which is what is told; the next run writes them too.
  void write_results_quietly() const;
  void end();

  // sweep_report.cpp: what the run says at its end

  [[nodiscard]] Tally refusals() const;
  // That of the points that failed where it is the same for all. An evaluation that failed is a failure of the run.
  static int exit_code(const Tally& tally);
  void report(const Tally& tally) const;
  [[nodiscard]] std::string summary(const Tally& tally) const;
  // What a run that was interrupted has kept of its passes under way; on rank 0.
  [[nodiscard]] std::string interrupted_text(const Tally& tally) const;
  [[nodiscard]] static std::string unscored_text(const Tally& tally);
  // Where the best point's checkpoint is; nothing where it was not kept.
  [[nodiscard]] std::optional<std::string> best_checkpoint() const;
  [[nodiscard]] std::string best_text() const;
  [[nodiscard]] nlohmann::ordered_json best_json() const;
  [[noreturn]] void stop(const Tally& tally) const;

  const SweepOptions& options_;
  const comm::Communicator& world_;
  const Specification& specification_;
  const std::optional<RecordedInputs> recorded_;  // on rank 0
  const std::vector<PointKey> keys_;              // of the points; on rank 0
  const Places places_;
  const plan::Cluster cluster_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int groups_ = 1;
  int lost_groups_ = 0;  // that could not go on
  std::vector<std::string> names_;
  std::vector<Family> families_;
  std::vector<Standing> standing_;
  std::vector<std::string> identities_;  // of the points; on rank 0
  std::vector<std::uint64_t> to_score_;
  std::map<std::uint64_t, std::string> damaged_;  // points that were done: what is wrong with their outputs; on rank 0
  Costing costing_;
  std::vector<Batch> batches_;
  SweepCost cost_;
  std::map<std::uint64_t, std::uint64_t> given_;                 // given_points() of statistics
  std::vector<std::pair<std::uint64_t, std::uint64_t>> equals_;  // of the points to do; on rank 0
  std::optional<BestPoint> best_;                                // on rank 0, at the end
};

}  // namespace dare::sweep
