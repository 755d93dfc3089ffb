#include <dare/pipeline/execute.hpp>

#include "pipeline/commit.hpp"
#include "pipeline/input_watch.hpp"
#include "pipeline/merge_slices.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/staged_output.hpp"
#include "pipeline/summary.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

namespace dare::pipeline {
namespace {

plan::Plan agreed_plan(const RunContext& run, const plan::Cluster& cluster, const std::vector<std::uint64_t>& done) {
  std::optional<plan::Plan> plan;
  run.world.agree([&] { plan = make_plan(run.work, grid_of(run.work), cluster, run.options.limits, done); });
  return std::move(*plan);
}

// read -> merge -> gather -> write -> commit.
std::vector<ProductResult> make_outputs(RunContext& run, const plan::Plan& plan, std::vector<StagedOutput>& staged,
                                        const std::vector<std::uint64_t>& done) {
  try {
    const InputWatch watch{run.work, run.world};
    auto sinks = open_sinks(run, staged);
    Inputs inputs{run.work, run.world, run.timings};
    const auto statistics = survey(run.work, plan, run.options.limits.memory_per_rank, inputs, run.world);
    auto results = merge_slices(run, plan, inputs, statistics, sinks);
    inputs.close();
    sync_sinks(run, staged, sinks);
    run.world.agree([&] { watch.check(); });
    take_over(done, staged, results);
    commit_outputs(run, plan.grid, staged, results);
    return results;
  } catch (const comm::AgreedError& error) { throw give_up(error, staged); }
}

}  // namespace

std::vector<Outcome> execute(const Work& work, const RunOptions& options, const comm::Communicator& world) {
  const StopSignal signals;
  RunContext run{work, options, world};
  const auto cluster = cluster_of(world);

  // A plan of everything shows what the memory allows before anything is made; the plan of a resumed run has less to do.
  auto plan = agreed_plan(run, cluster, {});
  auto staged = stage_outputs(work, options, plan.grid.blocks(), world);
  if (staged.size() == 1 && staged.front().finished) {
    if (world.is_root())
      comm::print_message(options.program, fmt::format("{}: finished already, nothing to do", work.products.front().output.string()));
    return {Outcome{}};
  }
  const auto done = blocks_done_in_all(staged, work, plan.grid, world);
  if (!done.empty()) plan = agreed_plan(run, cluster, done);
  const auto results = make_outputs(run, plan, staged, done);
  print_summary(run, plan, results, done.size());
  std::vector<Outcome> outcomes;
  for (const auto& result : results) outcomes.push_back(result.outcome);
  return outcomes;
}

}  // namespace dare::pipeline
