#include <dare/pipeline/merge.hpp>

#include "core/printable.hpp"
#include "pipeline/explain/explain.hpp"
#include "pipeline/input_side_files.hpp"
#include "pipeline/merge_plan.hpp"
#include "pipeline/recorded.hpp"
#include "pipeline/reproduced.hpp"
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

#include <algorithm>
#include <memory>
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

// JSON is UTF-8: of another name the manifest holds something else.
void note_names_of_no_manifest(const recipe::Recipe& recipe, std::vector<std::string>& notes) {
  const auto look = [&](const recipe::Source& source) {
    if (is_utf8_without_nul(source.written)) return;
    notes.push_back(
        fmt::format("{}: this path is no UTF-8, the manifest cannot name it: neither dare-verify --against nor the merge again "
                    "from the manifest will find it; rename it to keep these",
                    one_line(source.written)));
  };
  if (recipe.base) look(*recipe.base);
  for (const auto& model : recipe.models) {
    look(model);
    if (model.auxiliary) look(*model.auxiliary);
  }
}

// How far the place of the output is known to be good.
enum class Place : std::uint8_t { unlooked, bad, taken, good };

// What rank 0 knows of a merge before its tensors are matched.
struct Known {
  Problems problems;
  std::shared_ptr<const Record> record;
  Place place = Place::unlooked;
};

// The recipe is an own file, or in the manifest of a merge that is to be made again.
Sources sources_of(const MergeOptions& options, Known& known) {
  if (!is_manifest(options.recipe)) {
    auto recipe = recipe::load(options.recipe, options.overrides, known.problems);
    if (options.inputs_at.empty()) return read_sources(std::move(recipe), known.problems);
    known.problems.usage("--inputs-at goes with a manifest in the recipe's place; a recipe's paths are relative to its folder");
    return {std::move(recipe), {}, {}, {}};  // where its inputs are meant to be is not known
  }
  Sources sources;
  known.problems.attempt([&] {
    known.record = std::make_shared<Record>(Record{options.recipe, read_manifest(options.recipe)});
    sources = read_recorded_sources(known.record->manifest, options.recipe.string(), options.inputs_at, options.overrides);
  });
  if (options.overrides.base || !options.overrides.models.empty()) known.record.reset();  // others are meant
  return sources;
}

Place look_at_place(const Sources& sources, const MergeOptions& options, Problems& problems) {
  if (options.output.empty() || options.explain) return Place::unlooked;
  if (!problems.attempt([&] { refuse_output_among_inputs(sources, options.output); })) return Place::bad;
  if (options.run.resumes()) return problems.attempt([&] { check_output_folder(options.output); }) ? Place::good : Place::bad;
  if (problems.attempt([&] { check_output(options.output, options.run, 0); })) return Place::good;
  Problems of_folder;
  return of_folder.attempt([&] { check_output_folder(options.output); }) ? Place::taken : Place::bad;
}

// The last that can be known of the output before any weight is read.
Begun check_before_work(const Work& work, const MergeOptions& options, Place place, bool sound) {
  Begun begun;
  if (place == Place::good && sound) begun = check_unfinished(work, work.products.front(), options.run);
  // What was begun takes its room already. A plan may be for another machine's disk.
  const bool known = place == Place::taken || (place == Place::good && sound);
  if (known && !options.run.resumes() && !begun.anything && !options.plan_only)
    require_space(options.output, grid_of(work).bytes_written());
  return begun;
}

void refuse_others(const Record& record, const std::vector<std::string>& differences) {
  refuse_other_inputs(record.file, differences, "by --base and --model");
}

void hash_contents(Work& work, const Record* record, const comm::Communicator& world) {
  work.content_hashes = hash_inputs(work, world);
  world.agree([&] {
    if (record) refuse_others(*record, contents_that_differ(record->manifest, work, work.content_hashes));
  });
}

void require_reproduced(const Work& work, const Outcome& outcome) {
  if (!outcome.against_record.value_or("").empty()) throw Error{ExitCode::mismatch, not_reproduced(work, *outcome.against_record)};
}

}  // namespace

int merge(const MergeOptions& options, const comm::Communicator& world) {
  std::optional<StopSignal> signals;  // a plan or an explanation may be killed at any time
  if (!options.explain && !options.plan_only) signals.emplace();
  std::optional<NothingBegun> nothing_begun{std::in_place, options.run.program, world.is_root()};
  Known known;  // rank 0's
  auto sources = world.from_root([&] {
    auto read = sources_of(options, known);
    const bool all_read = known.problems.empty();
    known.place = look_at_place(read, options, known.problems);
    if (!all_read) known.problems.throw_if_any();
    return read;
  });
  Work work;
  Begun begun;
  std::vector<std::string> side_notes;
  world.agree([&] {
    auto& problems = known.problems;  // so far of the output's place alone
    problems.attempt([&] {
      auto job = recipe::resolve(sources.recipe, sources.frame, sources.models, sources.auxiliaries);
      if (world.is_root() && !options.explain) side_notes = side_file_notes(sources, longer_rows(sources.frame, job));
      work = {std::move(sources.frame), job.has_base, std::move(sources.models), std::move(sources.auxiliaries), {}, {}};
      work.products.push_back({std::move(job), options.output, {}});
      if (known.record) refuse_others(*known.record, inputs_that_differ(known.record->manifest, work));
      problems.attempt([&] { check_delta_models(work, work.products.front().job); });
      if (options.overrides == recipe::Overrides{}) work.products.front().record = known.record;  // else another output is meant
      begun = check_before_work(work, options, known.place, problems.empty());
    });
    problems.throw_if_any();
  });
  auto& product = work.products.front();
  product.output_spec = [&] { return merge_output_spec(work, product, sources.recipe, options.run); };
  if (options.plan_only) note_slow_method(work, product.job.notes);
  else if (!options.explain) note_names_of_no_manifest(sources.recipe, product.job.notes);
  if (world.is_root() && options.run.log_level != LogLevel::error) {
    for (const auto* const notes : {&work.frame.notes, &side_notes, &product.job.notes}) {
      for (const auto& note : *notes) comm::print_message(options.run.program, note);
    }
  }
  nothing_begun.reset();
  if (options.explain) {
    explain(work, sources.recipe, options, world);
  } else if (options.plan_only) {
    print_plan(work, sources.recipe, options, begun, world);
  } else {
    if (options.run.hash_inputs) hash_contents(work, known.record.get(), world);
    const auto outcomes = execute(work, options.run, world).outcomes;
    if (outcomes.front().refusal) throw comm::AgreedError{*outcomes.front().refusal};
    world.agree([&] { require_reproduced(work, outcomes.front()); });
  }
  return 0;
}

}  // namespace dare::pipeline
