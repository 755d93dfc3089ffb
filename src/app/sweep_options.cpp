#include "app/sweep_options.hpp"

#include "app/run_options.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::app {
namespace {

namespace po = boost::program_options;

po::options_description sweep_group() {
  po::options_description group{"The sweep"};
  auto add = group.add_options();
  add("groups", po::value<int>()->value_name("N"), "groups of ranks that work on points apart (one a node)");
  add("plan", po::bool_switch(), "say what is to do and what it costs, and stop: no weight is read");
  add("yes", po::bool_switch(), fmt::format("do it also with more than {} points", sweep::k_most_points).c_str());
  return group;
}

std::string details() {
  return "SWEEP.yml is a recipe of dare-merge, or names one, and says what differs between points:\n"
         "  recipe: base.yml                  or the recipe's own keys here; relative paths are then relative to this file\n"
         "  grid:                             every combination is a point, drop_rate=0.9,seed=1\n"
         "    drop_rate: [0, 0.5, 0.9]        also weight, density, gamma, epsilon: one value, or [one, a, model]\n"
         "    seed: [1, 2, 3]                 also merge_method, rescale, lambda, normalize, sign, scope, t\n"
         "    models:                         sets of models, each with a name\n"
         "      small: {base_model: s, models: [{model: s-math}, {model: s-code}]}\n"
         "  points:                           points with a name and settings of their own\n"
         "    undropped: {merge_method: task_arithmetic, drop_rate: 0}\n"
         "  outputs: model                    or statistics: no checkpoint is written\n"
         "  format: folder                    or safetensors, h5\n"
         "  evaluate: python3 test.py {checkpoint} --name {point}\n"
         "                                    its last line is a JSON object of scores: {\"accuracy\": 0.91}\n"
         "  evaluate_timeout: 3600            seconds; then it is killed with all that it has started\n"
         "  keep: all                         or best, none: checkpoints that stay once they are scored\n"
         "  score: accuracy                   the score that decides which is best (the first)\n"
         "  best: highest                     or lowest\n\n"
         "OUTDIR gets a checkpoint a point, results.csv and results.json (a row a point) and points/ (a record a point).\n"
         "The same command again does only what is missing; with --resume it also goes on within interrupted points.\n"
         "Each point's checkpoint has the bytes that dare-merge writes for its recipe.\n\n"
         "Examples:\n"
         "  mpirun -n 8 dare-sweep sweep.yml swept/ --groups 2\n"
         "  dare-sweep sweep.yml swept/ --plan\n\n"
         "Exit codes: 0 all points are done, 1 runtime failure, 2 usage, 3 bad input or OUTDIR holds other results,\n"
         "75 interrupted: --resume. Where points fail the others are done; the code is theirs, 1 if they differ.\n";
}

}  // namespace

Program sweep_program() {
  return {"dare-sweep",
          "merges with many settings in few reads of the inputs, over MPI",
          {"SWEEP.yml OUTDIR [options]", "SWEEP.yml OUTDIR --plan [options]"},
          details(),
          {sweep_group(), run_options_group()},
          "words"};
}

sweep::SweepOptions sweep_options_from(const Given& given) {
  sweep::SweepOptions options;
  options.run = run_options_from(given, "dare-sweep");
  if (given.count("groups") != 0) options.groups = given["groups"].as<int>();
  options.plan_only = given["plan"].as<bool>();
  options.yes = given["yes"].as<bool>();
  const auto words = given.count("words") == 0 ? std::vector<std::string>{} : given["words"].as<std::vector<std::string>>();
  if (words.size() != 2) throw UsageError{fmt::format("{} words given, expected SWEEP.yml OUTDIR; see dare-sweep --help", words.size())};
  options.specification = words[0];
  options.folder = words[1];
  while (!options.folder.has_filename() && options.folder.has_relative_path()) options.folder = options.folder.parent_path();
  return options;
}

}  // namespace dare::app
