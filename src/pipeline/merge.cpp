#include <dare/pipeline/merge.hpp>

#include "pipeline/explain/explain.hpp"
#include "pipeline/input_side_files.hpp"
#include "pipeline/merge_plan.hpp"
#include "pipeline/recorded.hpp"
#include "pipeline/unfinished.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/delta_models.hpp>
#include <dare/pipeline/execute.hpp>
#include <dare/pipeline/input_hash.hpp>
#include <dare/pipeline/merge_output_spec.hpp>
#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/sources.hpp>
#include <dare/pipeline/stop_signal.hpp>
#include <dare/recipe/job.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace dare::pipeline {
namespace {

// The time that a plan predicts is that of reading and writing.
void note_slow_method(const Work& work, std::vector<std::string>& notes) {
  const auto& tasks = work.products.front().job.tasks;
  if (std::none_of(tasks.begin(), tasks.end(), [](const auto& task) { return task.settings.sparsifier == merge::Sparsifier::della; }))
    return;
  notes.emplace_back(
      "della sorts each row: it computes for longer than it reads, at some 300 MB of inputs a second and rank; more ranks help");
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

// The recipe is an own file, or in the manifest of a merge that is to be made again.
Sources sources_of(const MergeOptions& options, std::optional<Manifest>& record) {
  if (!is_manifest(options.recipe)) {
    if (!options.inputs_at.empty())
      throw UsageError{"--inputs-at goes with a manifest in the recipe's place; a recipe's paths are relative to its folder"};
    return read_sources(recipe::load(options.recipe, options.overrides));
  }
  record = read_manifest(options.recipe);
  auto sources = read_recorded_sources(*record, options.recipe.string(), options.inputs_at, options.overrides);
  if (options.overrides.base || !options.overrides.models.empty()) record.reset();  // others are meant
  return sources;
}

void refuse_other_inputs(const std::filesystem::path& manifest, const std::vector<std::string>& differences) {
  if (differences.empty()) return;
  throw InputError{
      fmt::format("{}: the merge that it records was of other inputs:\n  {}\n  give the inputs as they were, or name those "
                  "that are meant by --base and --model",
                  manifest.string(), fmt::join(differences, "\n  "))};
}

void hash_contents(Work& work, const std::optional<Manifest>& record, const MergeOptions& options, const comm::Communicator& world) {
  work.content_hashes = hash_inputs(work, world);
  world.agree([&] {
    if (record) refuse_other_inputs(options.recipe, contents_that_differ(*record, work, work.content_hashes));
  });
}

}  // namespace

int merge(const MergeOptions& options, const comm::Communicator& world) {
  std::optional<StopSignal> signals;  // a plan or an explanation may be killed at any time
  if (!options.explain && !options.plan_only) signals.emplace();
  std::optional<Manifest> record;  // rank 0's
  auto sources = world.from_root([&] { return sources_of(options, record); });
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
    if (record) refuse_other_inputs(options.recipe, inputs_that_differ(*record, work));
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
    print_plan(work, sources.recipe, options, begun, world);
  } else {
    if (options.run.hash_inputs) hash_contents(work, record, options, world);
    const auto outcomes = execute(work, options.run, world).outcomes;
    if (outcomes.front().refusal) throw comm::AgreedError{*outcomes.front().refusal};
  }
  return 0;
}

}  // namespace dare::pipeline
