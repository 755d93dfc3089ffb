#include "sweep/sweep_run.hpp"

#include "sweep/command_check.hpp"
#include "sweep/cost.hpp"
#include "sweep/costing.hpp"
#include "sweep/folder.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/core/open_file_limit.hpp>

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace dare::sweep {
namespace {

constexpr std::uint64_t k_said_points = 2'000;  // more take seconds to plan
constexpr auto k_unknown = std::numeric_limits<std::uint64_t>::max();

// Says what very many points would cost, before they are made.
void refuse_too_many(const Specification& specification, const SweepOptions& options) {
  if (specification.points() <= k_most_points || options.yes) return;
  Family family;
  family.sources = pipeline::read_sources(specification.recipe(specification.point(0)));
  family.points = {0};
  std::vector<Standing> standing(specification.points(), Standing::to_do);
  const PointKey key{"", {}, 0, merge::find_method(family.sources.recipe.method)};
  const auto costing = cost_points(specification, {key}, {family}, standing, Places{options.folder}, options.run);
  if (!costing.refused.empty()) throw Error{costing.refused.front().why.code, costing.refused.front().why.text()};
  const auto& cost = costing.families.front();
  const auto most = points_of_a_pass(cost, specification, options, {files_to_open(), free_space(options.folder)});
  const auto passes = (specification.points() + most - 1) / most;
  throw UsageError{
      fmt::format("{}: {} points, more than {} are done only with --yes. If all cost what the first does they write {:.3g} bytes and take "
                  "{} passes of up "
                  "to {} points, which read {:.3g} bytes; {} are free in {}",
                  options.specification.string(), specification.points(), k_most_points,
                  static_cast<double>(cost.bytes_written) * static_cast<double>(specification.points()), passes, most,
                  static_cast<double>(cost.bytes_read) * static_cast<double>(passes), format_bytes(free_space(options.folder)),
                  options.folder.string())};
}

void check_command(const Settings& settings, const SweepOptions& options, Problems& problems) {
  Problems of_command;
  of_command.attempt([&] {
    refuse_unknown_placeholder(settings.evaluate);
    refuse_quoted_placeholder(settings.evaluate, options.folder.string());
  });
  if (!options.plan_ranks) of_command.attempt([&] { refuse_missing_program(settings.evaluate); });  // another cluster has other programs
  for (const auto& text : of_command.texts()) problems.usage(fmt::format("{}: {}", settings.evaluate_place, text));
}

// @param all  points that the sweep is meant to have
void check_inputs(const Specification& specification, const Known& known, std::uint64_t all, Problems& problems) {
  PointProblems told{all};
  for (const auto& family : read_families(specification, known.keys, known.recorded ? &*known.recorded : nullptr, problems)) {
    for (const auto point : family.points) told.add(specification.point(point).name, family.problem);
  }
  for (auto& text : told.texts()) problems.input(std::move(text));
}

}  // namespace

Known check_before_inputs(const Specification& specification, const Texts& texts, const SweepOptions& options, Problems problems) {
  Known known;
  const bool sound = problems.empty();
  check_command(specification.settings(), options, problems);
  problems.attempt([&] { refuse_unsuited_folder(Places{options.folder}); });
  if (!sound && specification.points() > k_most_points) problems.throw_if_any();
  if (sound && !problems.attempt([&] { refuse_too_many(specification, options); })) problems.throw_if_any();
  if (specification.points() > k_said_points && options.run.progress != pipeline::ProgressStyle::off)
    comm::print_message(options.run.program, fmt::format("plans {} points", specification.points()));
  Problems of_points;
  known.keys = keys_of(specification, of_points);
  if (sound) problems.add(of_points);  // else they may come from what is wrong in the file
  if (texts.of_manifest && texts.recipe_problem.empty())
    problems.attempt([&] { known.recorded = RecordedInputs{texts.recipe, pipeline::read_manifest(texts.recipe), texts.inputs_at}; });
  const bool known_where = texts.of_manifest || texts.inputs_at.empty();
  if (!problems.empty() && known_where) check_inputs(specification, known, sound ? specification.points() : k_unknown, problems);
  problems.throw_if_any();
  return known;
}

}  // namespace dare::sweep
