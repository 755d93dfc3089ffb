#include "app/sweep_options.hpp"

#include "app/option_values.hpp"
#include "app/plan_options.hpp"
#include "app/run_options.hpp"

#include <dare/core/error.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>

namespace dare::app {
namespace {

namespace po = boost::program_options;

po::options_description sweep_group() {
  po::options_description group{"The sweep"};
  auto add = group.add_options();
  add("groups", po::value<int>()->value_name("N"), "groups of ranks that work on points apart (one a node)");
  add("inputs-at", path_value("DIR"), "with a manifest under recipe: its relative paths are relative to DIR (the working folder)");
  add_plan_options(group, "say what is to do and what it costs, and stop: no weight is read", "with --plan: for N ranks instead of these");
  add("yes", po::bool_switch(), fmt::format("do it also with more than {} points", sweep::k_most_points).c_str());
  return group;
}

RunWords sweep_words() {
  RunWords words;
  words.resume = "refuse interrupted points of another run; without it they are made anew";
  words.restart = "make interrupted points anew, none of their blocks is gone on from; finished points stay";
  words.overwrite = "make points anew that are there with other settings or inputs";
  words.hash_inputs = "contents of all inputs in the manifests and the records (reads them once more)";
  words.notes = "notes on the points";
  words.json = "the summary (or the plan) as JSON on stdout";
  return words;
}

constexpr auto k_sweep_description =
    "dare-sweep makes one merge for every combination of settings (drop rates, seeds, weights, methods, sets of models) and reads the "
    "inputs as few times as the memory allows, not once a point. Each point's checkpoint has the bytes that dare-merge writes for its "
    "recipe. A command of yours can score each of them as it is done; the scores are gathered in one table.\n\n"
    "OUTDIR gets a checkpoint a point, results.csv and results.json (a row a point) and points/ (a record a point). The same command "
    "again does only what is missing, within interrupted points too (of checkpoints and of statistics), unless --restart is given. Where "
    "points fail the others are done.";

std::vector<Section> sweep_sections() {
  return {{"SWEEP.yml",
           "It is a recipe of dare-merge, or names one, and says what differs between points:\n\n"
           "  recipe: base.yml          # or a manifest, whose paths are relative to the\n"
           "                            # working folder, or to that of --inputs-at; or the\n"
           "                            # recipe's own keys here, whose paths are relative\n"
           "                            # to this file\n"
           "  grid:                     # every combination is a point: drop_rate=0.9,seed=1\n"
           "    drop_rate: [0, 0.5]     # also weight, density, gamma, epsilon: one value\n"
           "                            # or [one, a, model]\n"
           "    seed: [1, 2, 3]         # also merge_method and every other parameter\n"
           "    models:                 # sets of models, each with a name\n"
           "      small: {base_model: s, models: [{model: s-math}, {model: s-code}]}\n"
           "  points:                   # points with a name and settings of their own\n"
           "    undropped: {merge_method: task_arithmetic, drop_rate: 0}\n"
           "  outputs: model            # or delta: delta checkpoints and the recipe that\n"
           "                            # merges them; statistics: no checkpoint is written\n"
           "  format: folder            # or safetensors, h5\n"
           "  evaluate: python3 test.py {checkpoint} --name {point}\n"
           "                            # its output ends with a JSON object of scores:\n"
           "                            # {\"accuracy\": 0.91}; $CHECKPOINT and $POINT\n"
           "                            # are the same, for use within quotes\n"
           "  evaluate_timeout: 3600    # seconds; then it is killed with all it has started\n"
           "  keep: all                 # or best, none: checkpoints that stay once scored\n"
           "  score: accuracy           # the score that decides which is best\n"
           "  best: highest             # or lowest\n"}};
}

}  // namespace

Program sweep_program() {
  auto exits = run_exit_meanings("OUTDIR");
  set_meaning(exits, ExitCode::done, "all points are done");
  set_meaning(
      exits, ExitCode::failure,
      "runtime failure, an evaluation that failed (its point is merged; the same command again only evaluates), or points failed for "
      "different reasons; where all failed alike the code is theirs");
  set_meaning(exits, ExitCode::usage,
              "the command line, the recipe or the command of evaluate is wrong, whatever else is; nothing was written");
  set_meaning(exits, ExitCode::input,
              "an input is missing, damaged or does not fit the others, OUTDIR holds other results, or not all fits the free space");
  set_meaning(exits, ExitCode::interrupted,
              "stopped by a signal (TERM, INT, USR1); finished blocks are kept, the same command again does the rest");
  return {.name = "dare-sweep",
          .summary = "merges with many settings in few reads of the inputs, over MPI",
          .usage = {"SWEEP.yml OUTDIR [options]", "SWEEP.yml OUTDIR --plan [options]"},
          .description = k_sweep_description,
          .groups = {sweep_group(), run_options_group(sweep_words())},
          .positional = "words",
          .sections = sweep_sections(),
          .files = {{"OUTDIR/POINT", "the checkpoint of a point, with its manifest"},
                    {"OUTDIR/points/POINT.json", "the record of a point: its settings, its state, its scores"},
                    {"OUTDIR/results.csv, OUTDIR/results.json", "a row a point, for a spreadsheet or a script"}},
          .examples = {{"What is to do and what it costs", "dare-sweep sweep.yml swept/ --plan"},
                       {"Two groups of four ranks, each at points of its own", "mpirun -n 8 dare-sweep sweep.yml swept/ --groups 2"}},
          .exits = exits,
          .see_also = {"dare-merge", "dare-score"}};
}

sweep::SweepOptions sweep_options_from(const Given& given) {
  sweep::SweepOptions options;
  options.run = run_options_from(given, "dare-sweep");
  // A sweep that was stopped is asked to do the rest by the same command.
  if (options.run.unfinished == pipeline::Unfinished::refuse) options.run.unfinished = pipeline::Unfinished::resume_same;
  options.groups = optional_value<int>(given, "groups");  // from 1 to the number of ranks, which is not known here
  options.inputs_at = optional_value<std::string>(given, "inputs-at").value_or("");
  const auto plan = plan_choice_from(given);
  options.plan_only = plan.plan_only;
  options.plan_ranks = plan.ranks;
  options.plan_nodes = plan.nodes;
  options.yes = given["yes"].as<bool>();
  const auto words = positional_words(given);
  if (words.size() != 2)
    throw UsageError{fmt::format("{} given, expected SWEEP.yml OUTDIR; see dare-sweep --help", plural(words.size(), "word"))};
  options.specification = words[0];
  options.folder = words[1];
  if (options.folder.empty()) throw UsageError{"OUTDIR is empty; name the folder that the sweep writes to"};
  while (!options.folder.has_filename() && options.folder.has_relative_path()) options.folder = options.folder.parent_path();
  return options;
}

}  // namespace dare::app
