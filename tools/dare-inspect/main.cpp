#include "app/option_values.hpp"
#include "app/program.hpp"
#include "help.hpp"

#include <dare/compare/inspect.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace {

namespace po = boost::program_options;
using dare::app::Given;

dare::app::Program program() {
  po::options_description fitness{"Fitness for DARE"};
  auto add = fitness.add_options();
  add("base", dare::app::path_value("B"), "the model that each CKPT was fine-tuned from: report on the deltas");
  add("drop-rate", dare::app::number_value<std::vector<double>>("drop-rate", "P"),
      fmt::format("rates to estimate the noise of; may be given more than once ({})",
                  fmt::join(dare::compare::InspectOptions{}.drop_rates, ", "))
          .c_str());
  add("dtype", dare::app::dtype_value("T"), "float type that a merge would write (the base's)");
  po::options_description report{"Reporting"};
  report.add_options()("totals", po::bool_switch(), "no line for each tensor");
  report.add_options()("json", po::bool_switch(), "the result as JSON on stdout");
  using dare::ExitCode;
  return {.name = "dare-inspect",
          .summary = "lists what checkpoints hold, and tells whether models are fit for DARE, over MPI",
          .usage = {"CKPT... [options]", "--base B CKPT... [options]"},
          .description = description(),
          .groups = {fitness, report},
          .positional = "words",
          .sections = sections(),
          .examples = {{"Types, sizes and metadata in short", "dare-inspect llama/ --totals"},
                       {"Are these models fit for DARE?", "mpirun -n 4 dare-inspect --base llama/ math/ code/"},
                       {"The verdict alone, for a script",
                        "mpirun -n 4 dare-inspect --base llama/ math/ --json | jq '.checkpoints[].verdict'"}},
          .exits = {{ExitCode::done, "done, whatever the verdict"},
                    {ExitCode::failure, "runtime failure: reading, a lost rank"},
                    {ExitCode::usage, "the command line is wrong"},
                    {ExitCode::input, "an input is missing or damaged, or CKPT and B do not fit each other"}},
          .see_also = {"dare-merge", "dare-diff"}};
}

dare::compare::InspectOptions options_from(const Given& given) {
  dare::compare::InspectOptions options;
  for (const auto& word : dare::app::positional_words(given)) options.checkpoints.emplace_back(word);
  if (options.checkpoints.empty()) throw dare::UsageError{"no CKPT is given; see dare-inspect --help"};
  options.totals_only = given["totals"].as<bool>();
  options.json = given["json"].as<bool>();
  if (given.count("drop-rate") != 0) options.drop_rates = given["drop-rate"].as<std::vector<double>>();
  for (const auto p : options.drop_rates) {
    if (!(p >= 0 && p < 1)) throw dare::UsageError{fmt::format("--drop-rate {}: give a rate from 0 to below 1", p)};
  }
  if (given.count("base") != 0) options.base = given["base"].as<std::string>();
  options.dtype = dare::app::float_dtype(given, "dtype");
  if (!options.base && (options.dtype || given.count("drop-rate") != 0)) throw dare::UsageError{"--drop-rate and --dtype go with --base"};
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, program(), [](const Given& given, const dare::comm::Communicator& world) {
    dare::compare::InspectOptions options;
    world.agree([&] { options = options_from(given); });
    return dare::compare::inspect(options, world);
  });
}
