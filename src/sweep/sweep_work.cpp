#include "sweep/sweep_run.hpp"

#include "sweep/equal_points.hpp"
#include "sweep/evaluation.hpp"
#include "sweep/folder.hpp"
#include "sweep/group_run.hpp"
#include "sweep/groups.hpp"
#include "sweep/idle_wait.hpp"
#include "sweep/retention.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/file.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <array>
#include <utility>

namespace dare::sweep {

Tally Sweep::work_in_the_room() {
  if (to_score_.empty() || fits_now(cost_)) return work(batches_, to_score_, cost_.done);
  auto tally = work({}, std::exchange(to_score_, {}), cost_.done);
  if (tally.signal != 0 || lost_groups_ != 0) return tally;
  tally.broken = tally.done == 0 ? 1 : 0;
  if (tally.broken != 0) return tally;
  make_room();
  tally.add(work(batches_, {}, cost_.done + static_cast<std::uint64_t>(tally.done + tally.unscored)));
  return tally;
}

// Those that points of earlier runs give.
Tally Sweep::write_given() const {
  Tally tally;
  world_.agree([&] {
    if (!world_.is_root()) return;
    for (const auto& family : families_) {
      for (const auto point : family.points) {
        const auto given = given_.find(point);
        if (given == given_.end() || standing_[given->second] != Standing::done) continue;
        auto source = read_record(places_.record(names_[given->second]));
        if (!source) continue;  // gone since: the next run makes both
        const auto record = given_record(specification_, point, family, std::move(*source));
        const std::array<FileText, 2> files{
            {{places_.tensors(record.point), read_text(places_.tensors(names_[given->second]))}, file_of(places_, record)}};
        replace_texts(files);
        ++tally.done;
      }
    }
  });
  return total_of(tally, world_);
}

Tally Sweep::work(const std::vector<Batch>& batches, const std::vector<std::uint64_t>& to_score, std::uint64_t told_before) {
  const pipeline::StopSignal signals;
  const auto group = world_.split(group_of(cluster_, world_.rank(), groups_));
  auto run = options_.run;
  run.summary = false;
  if (group_of(cluster_, world_.rank(), groups_) != 0) run.progress = pipeline::ProgressStyle::off;
  const auto dealing = world_.from_root([&] { return make_dealing_folder(places_.records); });
  const Shared shared{
      specification_, families_, places_, run, names_, dealing, given_, told_before, options_.run.progress != pipeline::ProgressStyle::off};
  GroupRun mine{shared, group};
  std::optional<Error> error;
  try {
    mine.run(batches, to_score);
  } catch (const comm::AgreedError& caught) { error = caught; }
  if (error && groups_ > 1 && group.is_root()) tell_of_lost_group(*error);
  // The others may go on for hours, their evaluations on this node.
  lost_groups_ = static_cast<int>(sum_idly(world_, std::array<std::int64_t, 1>{error && group.is_root() ? 1 : 0}).front());
  if (world_.is_root()) remove_quietly(dealing);
  if (lost_groups_ == groups_) {
    if (world_.is_root()) write_results_quietly();
    if (error && error->code() == ExitCode::failure)
      error = Error{ExitCode::failure, fmt::format("{}; what is done stands, the same command again does the rest", error->what())};
    world_.agree_on(error);
  }
  return total_of(group.is_root() ? mine.tally() : Tally{}, world_);  // one rank speaks for its group
}

void Sweep::tell_of_lost_group(const Error& error) const {
  comm::print_message(options_.run.program, fmt::format("group {} of {} cannot go on, the others do: {}",
                                                        group_of(cluster_, world_.rank(), groups_) + 1, groups_, error.what()));
}

void Sweep::write_results_quietly() const {
  try {
    Results{places_, names_}.write();
  } catch (const std::exception&) {}
}

void Sweep::end() {
  std::vector<const Record*> of_this_sweep;
  const auto evaluation = evaluation_hash(specification_.settings().evaluate);
  Retention retention{specification_.settings(), places_};
  Results results{places_, names_};
  const auto records = results.read();
  std::optional<Error> error;  // the rows are written all the same
  // Those of this sweep come first, in its order; those of other settings and other points are nobody's to delete.
  std::uint64_t point = 0;
  for (const auto* record : records) {
    while (point < names_.size() && names_[point] != record->point) ++point;
    if (point == names_.size()) break;
    if (record->identity != identities_[point] || record->evaluated != evaluation) continue;
    of_this_sweep.push_back(record);
    try {
      if (record->output.empty() && specification_.settings().keep != Keep::all)
        finish_deletion(output_of(places_.folder, record->point, specification_.settings()));
      retention.add(point, *record);
    } catch (const Error& caught) { error = caught; }
  }
  if (!evaluation.empty()) best_ = best_of(specification_.settings(), of_this_sweep);
  results.write();
  if (error) throw Error{error->code(), fmt::format("{}; the scores stand, the same command again deletes what is left", error->what())};
}

}  // namespace dare::sweep
