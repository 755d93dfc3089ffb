#include "sweep/sweep_run.hpp"

#include "sweep/groups.hpp"

#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/plan_work.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace dare::sweep {

bool Sweep::lies_apart(const Family& family) const {
  try {
    pipeline::refuse_output_among_inputs(family.sources, places_.folder);
  } catch (const UsageError&) { return false; }
  return true;
}

void Sweep::refuse_outputs_among_inputs() const {
  for (const auto& family : families_) {
    if (!family.problem.empty()) continue;  // nothing is made of it, and its headers are not there
    if (lies_apart(family)) continue;
    for (const auto point : family.points)
      pipeline::refuse_output_among_inputs(family.sources, output_of(places_.folder, names_[point], specification_.settings()));
  }
}

void Sweep::refuse_unreadable_inputs() const {
  std::int64_t points = 0;
  for (const auto& family : families_) {
    if (family.problem.empty()) continue;
    points += std::count_if(family.points.begin(), family.points.end(), [&](auto point) { return standing_[point] == Standing::to_do; });
  }
  if (points == 0) return;
  throw InputError{fmt::format("{}: inputs of {} of {} points cannot be read, nothing was made; mend them, or take these points out",
                               options_.specification.string(), points, names_.size())};
}

void Sweep::refuse_too_little_memory() const {
  const auto cluster = cluster_of_group(cluster_, groups_, 0);
  std::set<std::pair<std::size_t, std::set<const merge::Method*>>> known;
  for (const auto& batch : batches_) {  // of a kind the largest first
    std::set<const merge::Method*> methods;
    for (const auto point : batch.points) methods.insert(keys_[point].method);
    if (!known.emplace(batch.family, std::move(methods)).second) continue;
    const PassWork pass{specification_, families_[batch.family], batch.points, places_.folder, options_.run};
    if (!pass.points().empty()) (void)pipeline::make_plan(pass.work(), pipeline::grid_of(pass.work()), cluster, options_.run.limits, {});
  }
}

void Sweep::record_refused() const {
  for (const auto& refused : costing_.refused) {
    Record record;
    record.point = names_[refused.point];
    record.error = refused.why.text();
    record_failure(places_, specification_.settings(), record);
  }
}

}  // namespace dare::sweep
