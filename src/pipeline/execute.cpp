#include <dare/pipeline/execute.hpp>

#include "pipeline/commit.hpp"
#include "pipeline/finished.hpp"
#include "pipeline/input_watch.hpp"
#include "pipeline/merge_slices.hpp"
#include "pipeline/reproduced.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/staged_output.hpp"
#include "pipeline/summary.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/packed.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/stop_signal.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace dare::pipeline {
namespace {

std::string counted(int n, std::string_view word) {
  return plural(static_cast<std::uint64_t>(n), word);
}

plan::Plan agreed_plan(const RunContext& run, const plan::Cluster& cluster, const std::vector<std::uint64_t>& done) {
  std::optional<plan::Plan> plan;
  run.world.agree([&] { plan = make_plan(run.work, grid_of(run.work), cluster, run.options.limits, done); });
  run.tell(
      fmt::format("plan: {} of {} blocks to do by {} on {}, the largest {:.3f} x the mean; {}; tiles of {} elements, "
                  "{} of {} for buffers a rank",
                  plan->grid.blocks() - done.size(), plan->grid.blocks(), counted(cluster.ranks(), "rank"),
                  counted(cluster.nodes(), "node"), plan->imbalance(), counted(plan->writers(), "writer"), plan->tile_elements,
                  format_bytes(plan->buffer_bytes), format_bytes(run.options.limits.memory_per_rank)));
  return std::move(*plan);
}

// What is told of an output's beginning.
void tell_staged(const RunContext& run, const std::vector<StagedOutput>& staged, const FinishedBlocks& finished) {
  for (std::size_t p = 0; p < staged.size(); ++p) {
    const auto& output = staged[p];
    run.tell(fmt::format("output: {} of {}, {}", output.root.string(), plural(output.layout.files.size(), "file"),
                         !output.continued ? std::string{"made anew"}
                                           : fmt::format("an interrupted run's: {} blocks noted in its journal, {} of them stand on the "
                                                         "disk",
                                                         count_done(output.records), finished.of(p).size())));
  }
}

void tell_inputs(const RunContext& run, const plan::Plan& plan, const Inputs& inputs) {
  if (!run.tells()) return;
  for (const auto& line : inputs.descriptions()) run.tell(line);
  const auto earlier = survey_cost(run.work, plan.tensors_to_do());
  run.tell(fmt::format("passes: {} before the merge, which read {}, and the merge", earlier.passes, format_bytes(earlier.bytes_read)));
}

// survey -> read, merge, gather, write -> sync -> check inputs -> commit
RunResult make_outputs(RunContext& run, const plan::Plan& plan, std::vector<StagedOutput>& staged, const FinishedBlocks& finished) {
  std::optional<Inputs> inputs;
  try {
    auto sinks = open_sinks(run, staged);
    inputs.emplace(run.work, run.world, run.timings);
    tell_inputs(run, plan, *inputs);
    const auto statistics = survey(run.work, plan, finished, run.options, *inputs, run.world);
    run.tell("passes before the merge done");
    auto made = merge_slices(run, plan, finished, *inputs, statistics, sinks);
    inputs->close();
    inputs.reset();
    run.tell("all slices read, merged and written");
    sync_sinks(run, staged, sinks);
    run.tell("outputs forced to the disk");
    check_unchanged(run.work, run.world);
    take_over(finished, made.products);
    commit_outputs(run, plan.grid, staged, made.products);
    const auto refused =
        std::count_if(made.products.begin(), made.products.end(), [](const auto& one) { return one.outcome.refusal.has_value(); });
    run.tell(fmt::format("{} of {} outputs in their places", static_cast<std::ptrdiff_t>(staged.size()) - refused, staged.size()));
    return made;
  } catch (const comm::AgreedError& error) {
    if (inputs) inputs->close_after_failure();
    throw give_up(run.options, error, staged);
  }
}

// A merge that is made again has one product.
void hold_against_record(const RunContext& run, Outcome& outcome) {
  run.world.agree([&] {
    if (run.world.is_root() && !outcome.refusal) outcome.against_record = held_against_record(run.work);
  });
}

std::uint64_t bytes_to_write(const Work& work, const plan::Grid& grid, const FinishedBlocks& finished) {
  auto bytes = grid.bytes_written();
  for (std::size_t p = 0; p < work.products.size(); ++p) {
    const auto bits = write_bits(work.products[p], work);
    for (const auto number : finished.of(p)) {
      const auto block = grid.block(number);
      bytes -= packed_bytes(block.elements, bits[block.tensor]);
    }
  }
  return bytes;
}

// plan -> check inputs -> stage outputs -> find what is done -> make the rest
Execution run_stages(const Work& work, const RunOptions& options, const comm::Communicator& world) {
  RunContext run{work, options, world};
  const auto cluster = cluster_of(world);
  auto plan = agreed_plan(run, cluster, {});  // of everything: shows what the memory allows before anything is made
  check_unchanged(work, world);
  auto staged = stage_outputs(run, plan.grid.blocks());
  const auto finished = find_finished(run, staged, plan.grid);
  tell_staged(run, staged, finished);
  if (!finished.in_all().empty()) plan = agreed_plan(run, cluster, finished.in_all());
  auto made = make_outputs(run, plan, staged, finished);
  hold_against_record(run, made.products.front().outcome);
  print_summary(run, plan, made, finished.in_all());
  Execution execution{{}, plan.bytes_to_read(), bytes_to_write(work, plan.grid, finished)};
  for (const auto& result : made.products) execution.outcomes.push_back(result.outcome);
  return execution;
}

}  // namespace

Execution execute(const Work& work, const RunOptions& options, const comm::Communicator& world) {
  const StopSignal signals;
  const RunContext run{work, options, world};
  if (!all_finished(run)) return run_stages(work, options, world);
  std::vector<Outcome> outcomes(work.products.size());
  hold_against_record(run, outcomes.front());
  print_finished_summary(run, outcomes.front());
  return {std::move(outcomes)};
}

}  // namespace dare::pipeline
