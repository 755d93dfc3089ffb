#include <dare/sweep/sweep.hpp>

#include "core/table.hpp"
#include "sweep/folder.hpp"
#include "sweep/groups.hpp"
#include "sweep/sweep_run.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/plan_work.hpp>

#include <fmt/format.h>

#include <utility>

namespace dare::sweep {
namespace {

plan::Cluster cluster_for(const SweepOptions& options, const comm::Communicator& world) {
  auto cluster = pipeline::cluster_of(world);
  return options.plan_ranks ? plan::Cluster::uniform(*options.plan_ranks, options.plan_nodes.value_or(1)) : cluster;
}

}  // namespace

Sweep::Sweep(const SweepOptions& options, const comm::Communicator& world, const Specification& specification, Known known)
    : options_{options},
      world_{world},
      specification_{specification},
      recorded_{std::move(known.recorded)},
      keys_{std::move(known.keys)},
      places_{options.folder},
      cluster_{cluster_for(options, world)} {
  world_.agree([&] { groups_ = number_of_groups(cluster_, options_.groups); });
  for (std::uint64_t i = 0; i < specification_.points(); ++i) names_.push_back(specification_.point(i).name);
}

int Sweep::run() {
  families_ =
      find_families(specification_, keys_, recorded_ ? &*recorded_ : nullptr, options_.run.hash_inputs && !options_.plan_only, world_);
  std::optional<FolderLock> lock;
  world_.agree([&] {
    if (!world_.is_root()) return;
    refuse_outputs_among_inputs();
    if (!options_.plan_only) lock.emplace(places_);
  });
  look();
  plan();
  world_.agree([&] {
    if (world_.is_root()) refuse_too_little_memory();
  });
  if (options_.plan_only) comm::print_result(world_, options_.run.json ? to_json(cost_) : to_text(cost_, terminal_columns()));
  world_.agree([&] { require_space(cost_, specification_.settings(), places_.folder); });
  if (options_.plan_only) return exit_code(refusals());
  world_.agree([&] {
    if (world_.is_root()) refuse_unreadable_inputs();
  });
  world_.agree([&] {
    if (!world_.is_root()) return;
    remove_damaged();
    record_refused();
  });
  auto tally = write_given();
  tally.add(work_in_the_room());
  tally.add(refusals());
  world_.agree([&] {
    if (world_.is_root()) end();
  });
  report(tally);
  if (tally.signal != 0) stop(tally);
  if (tally.broken != 0 && static_cast<std::uint64_t>(tally.done + tally.failed + tally.unscored) + cost_.done < cost_.points) {
    throw comm::AgreedError{ExitCode::failure,
                            "no point of a pass could be scored, and what is not scored stays on the disk; mend evaluate; "
                            "the same command goes on"};
  }
  if (lost_groups_ != 0) {
    throw comm::AgreedError{ExitCode::failure, fmt::format("{} of {} groups could not go on, as was told; the same command again does what "
                                                           "they had begun",
                                                           lost_groups_, groups_)};
  }
  return exit_code(tally);
}

int sweep(const SweepOptions& options, const comm::Communicator& world) {
  const auto texts = world.from_root([&] { return read_texts(options.specification, options.inputs_at); });
  std::optional<Specification> specification;
  Known known;
  world.agree([&] {
    Problems problems;  // the same on all ranks: one tells them
    specification.emplace(texts, problems);
    if (world.is_root()) known = check_before_inputs(*specification, texts, options, std::move(problems));
  });
  return Sweep{options, world, *specification, std::move(known)}.run();
}

}  // namespace dare::sweep
