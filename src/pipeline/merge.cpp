#include <dare/pipeline/merge.hpp>

#include "pipeline/explain/explain.hpp"
#include "pipeline/finished.hpp"
#include "pipeline/input_side_files.hpp"
#include "pipeline/unfinished.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/delta_models.hpp>
#include <dare/pipeline/execute.hpp>
#include <dare/pipeline/input_hash.hpp>
#include <dare/pipeline/merge_output_spec.hpp>
#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/sources.hpp>
#include <dare/pipeline/stop_signal.hpp>
#include <dare/pipeline/work_cost.hpp>
#include <dare/recipe/job.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace dare::pipeline {
namespace {

// What a run would find done. @param begun  rank 0's
std::vector<std::uint64_t> done_before(const Work& work, const MergeOptions& options, const Begun& begun, const comm::Communicator& world) {
  // Whether the contents that --hash-inputs records are those of a finished output is seen by reading them.
  const bool look = !options.output.empty() && !options.run.hash_inputs;
  if (!look || !all_finished({work, options.run, world}, Leftovers::leave)) return world.from_root([&] { return begun.done; });
  std::vector<std::uint64_t> all(grid_of(work).blocks());
  std::iota(all.begin(), all.end(), std::uint64_t{0});
  return all;
}

void print_plan(const Work& work, const MergeOptions& options, const Begun& begun, const comm::Communicator& world) {
  const auto done = done_before(work, options, begun, world);
  auto cluster = cluster_of(world);
  if (options.plan_ranks) cluster = plan::Cluster::uniform(*options.plan_ranks, options.plan_nodes.value_or(1));
  std::optional<plan::Plan> plan;
  world.agree([&] { plan = make_plan(work, grid_of(work), std::move(cluster), options.run.limits, done); });
  const auto earlier = survey_cost(work, plan->tensors_to_do());
  comm::print_result(world, options.run.json ? to_json(*plan, earlier, options.bandwidth) : to_text(*plan, earlier, options.bandwidth));
}

// The time that a plan predicts is that of reading and writing.
void note_slow_method(const Work& work, std::vector<std::string>& notes) {
  const auto& tasks = work.products.front().job.tasks;
  if (std::none_of(tasks.begin(), tasks.end(), [](const auto& task) { return task.settings.sparsifier == merge::Sparsifier::della; }))
    return;
  notes.emplace_back(
      "della sorts each row: it computes for longer than it reads, at some 100 MB of inputs a second and rank; more ranks help");
}

Begun check_before_work(const Work& work, const MergeOptions& options) {
  if (options.run.resumes()) check_output_folder(options.output);
  else check_output(options.output, options.run, 0);
  // What was begun takes its room already. A plan may be for another machine's disk.
  auto begun = check_unfinished(work, work.products.front(), options.run);
  if (!options.run.resumes() && !begun.anything && !options.plan_only)
    check_output(options.output, options.run, grid_of(work).bytes_written());
  return begun;
}

}  // namespace

int merge(const MergeOptions& options, const comm::Communicator& world) {
  std::optional<StopSignal> signals;  // a plan or an explanation may be killed at any time
  if (!options.explain && !options.plan_only) signals.emplace();
  auto sources = world.from_root([&] { return read_sources(recipe::load(options.recipe, options.overrides)); });
  Work work;
  Begun begun;
  std::vector<std::string> side_notes;
  world.agree([&] {
    auto job = recipe::resolve(sources.recipe, sources.frame, sources.models, sources.auxiliaries);
    if (world.is_root() && !options.explain) side_notes = side_file_notes(sources, longer_rows(sources.frame, job));
    const bool placed = world.is_root() && !options.output.empty() && !options.explain;
    if (placed) refuse_output_among_inputs(sources, options.output);
    work = {std::move(sources.frame), job.has_base, std::move(sources.models), std::move(sources.auxiliaries), {}, {}};
    work.products.push_back({std::move(job), options.output, {}});
    check_delta_models(work, work.products.front().job);
    if (placed) begun = check_before_work(work, options);
  });
  auto& product = work.products.front();
  product.output_spec = [&] { return merge_output_spec(work, product, sources.recipe, options.run); };
  if (options.plan_only) note_slow_method(work, product.job.notes);
  if (world.is_root() && options.run.log_level != LogLevel::error) {
    for (const auto* const notes : {&work.frame.notes, &side_notes, &product.job.notes}) {
      for (const auto& note : *notes) comm::print_message(options.run.program, note);
    }
  }
  if (options.explain) {
    explain(work, sources.recipe, options, world);
  } else if (options.plan_only) {
    print_plan(work, options, begun, world);
  } else {
    if (options.run.hash_inputs) work.content_hashes = hash_inputs(work, world);
    const auto outcomes = execute(work, options.run, world).outcomes;
    if (outcomes.front().refusal) throw comm::AgreedError{*outcomes.front().refusal};
  }
  return 0;
}

}  // namespace dare::pipeline
