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
  return {
      "dare-diff",
      "compares the weights of two checkpoints, over MPI",
      {"A B [options]"},
      "A, B: a Hugging Face folder, a .safetensors or an .h5 file, a .bin or .pt; they may be of different formats. Tensors are matched "
      "by\n"
      "name. Of each that differs:\n"
      "  differing     elements with other bits; where the types differ, with another value\n"
      "  max |a-b|     the largest absolute difference, and the first element (flat index) that has it\n"
      "  max relative  the largest |a-b| / max(|a|, |b|)\n"
      "  ULPs          the most representable numbers between a and b; for one float type alone (-0 and +0 are 0 apart, yet differ)\n"
      "  cosine        of the two tensors as vectors; - where one is all zeros\n"
      "NaN and infinity count as differing where their bits do; they are left out of the figures. A tensor of another type, of another\n"
      "shape or in one file alone is a difference too. Metadata, side files, sharding and the order of tensors are not compared.\n"
      "The figures are the same at any number of ranks.\n\n"
      "Examples:\n"
      "  mpirun -n 4 dare-diff merged/ merged.h5\n"
      "  dare-diff base/ tuned/ --json | jq '.tensors[] | select(.max_ulps.value > 1) | .tensor'\n\n"
      "Exit codes: 0 all weights are equal, 1 runtime failure, 2 usage, 3 bad input, 4 something differs\n",
      {report},
      "words"};
}

dare::compare::DiffOptions options_from(const Given& given) {
  const auto words = given.count("words") != 0 ? given["words"].as<std::vector<std::string>>() : std::vector<std::string>{};
  if (words.size() != 2) throw dare::UsageError{fmt::format("{} words, A and B are expected; see dare-diff --help", words.size())};
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
