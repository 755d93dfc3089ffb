#include "app/option_values.hpp"
#include "app/program.hpp"

#include <dare/compare/diff.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace {

namespace po = boost::program_options;
using dare::app::Given;

dare::app::Program program() {
  po::options_description report{"Reporting"};
  report.add_options()("list-equal", po::bool_switch(), "list the equal tensors too");
  report.add_options()("json", po::bool_switch(), "the result as JSON on stdout");
  using dare::ExitCode;
  return {.name = "dare-diff",
          .summary = "compares the weights of two checkpoints, over MPI",
          .usage = {"A B [options]"},
          .description =
              "A and B are a Hugging Face folder, a .safetensors or an .h5 file, a .bin or .pt; they may be of different formats. Tensors "
              "are matched by name; of each that differs the figures below are printed. They are the same at any number of ranks. "
              "Metadata, side files, sharding and the order of tensors are not compared.",
          .groups = {report},
          .positional = "words",
          .sections = {{"Figures",
                        "NaN and infinity count as differing where their bits do; they are left out of the figures. A tensor of another "
                        "type, of another shape or in one file alone is a difference too.",
                        {{"differing", "elements with other bits; where the types differ, with another value"},
                         {"max |a-b|", "the largest absolute difference, and the first element (flat index) that has it"},
                         {"relative", "the largest |a-b| / max(|a|, |b|)"},
                         {"ULPs",
                          "the most representable numbers between a and b; for one float type alone (-0 and +0 are 0 apart, yet "
                          "differ)"},
                         {"cosine", "of the two tensors as vectors; - where one is all zeros"}}}},
          .examples = {{"Two formats of one model", "mpirun -n 4 dare-diff merged/ merged.h5"},
                       {"Tensors that differ by more than one unit in the last place",
                        "dare-diff llama/ math/ --json | jq '.tensors[] | select(.max_ulps.value > 1)'"}},
          .exits = {{ExitCode::done, "all weights are equal"},
                    {ExitCode::failure, "runtime failure: reading, a lost rank"},
                    {ExitCode::usage, "the command line is wrong"},
                    {ExitCode::input, "an input is missing or damaged"},
                    {ExitCode::mismatch, "something differs"}},
          .see_also = {"dare-verify", "dare-inspect"}};
}

dare::compare::DiffOptions options_from(const Given& given) {
  const auto words = dare::app::positional_words(given);
  if (words.size() != 2)
    throw dare::UsageError{
        fmt::format("A and B are expected, found {}; see dare-diff --help", words.empty()       ? "neither"
                                                                            : words.size() == 1 ? "A alone"
                                                                                                : fmt::format("{} words", words.size()))};
  return {words[0], words[1], given["json"].as<bool>(), given["list-equal"].as<bool>()};
}

}  // namespace

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, program(), [](const Given& given, const dare::comm::Communicator& world) {
    dare::compare::DiffOptions options;
    world.agree([&] { options = options_from(given); });
    return dare::compare::diff(options, world);
  });
}
