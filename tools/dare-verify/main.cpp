#include "app/option_values.hpp"
#include "app/program.hpp"
#include "app/run_options.hpp"
#include "checkpoint/file_names.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/verify.hpp>

#include <fmt/format.h>

namespace {

namespace po = boost::program_options;
using dare::app::Given;

dare::app::Program program() {
  const dare::pipeline::VerifyOptions otherwise;
  const auto whole = [](const char* option, const char* name, std::uint64_t value) {
    return dare::app::number_value<std::uint64_t>(option, name)->default_value(value);
  };
  po::options_description inputs{"Against the inputs"};
  auto add = inputs.add_options();
  add("against", po::bool_switch(), "also recompute elements from the inputs that the manifest names, and compare");
  add("inputs-at", dare::app::path_value("DIR"), "relative paths of the inputs are relative to DIR (the working folder)");
  add("sample", whole("sample", "N", otherwise.sample),
      "recompute N runs of 65,536 elements, chosen at random; 0: look at the inputs alone");
  add("sample-seed", whole("sample-seed", "S", otherwise.seed), "another seed chooses other runs");
  add("all", po::bool_switch(), "recompute every element");
  dare::app::add_memory_option(inputs);
  po::options_description report{"Reporting"};
  report.add_options()("show", whole("show", "N", otherwise.show), "list N mismatches; all are counted");
  report.add_options()("json", po::bool_switch(), "the result as JSON on stdout");
  using dare::ExitCode;
  return {
      .name = "dare-verify",
      .summary = "checks that a merged model still is what dare-merge wrote, over MPI",
      .usage = {"OUTPUT [options]"},
      .description =
          "OUTPUT is what dare-merge wrote: a folder with its dare-manifest.json, or a file with OUTPUT.manifest.json beside it; the "
          "manifest may be given in its place. It has the XXH3-128 hash of each block of 2^20 elements; every block is read again, and "
          "those that differ are named "
          "by tensor, block, elements and bytes. It also has the hashes of the headers, and of config.json, tokenizer and the other files "
          "that came along; files that were added later are not looked at. A copy that was cut off, a bad disk or an edited weight show up "
          "here. "
          "A point that dare-sweep wrote as delta checkpoints is an OUTPUT too: their weights and masks are checked.\n\n"
          "--against goes further: it takes the recipe and the inputs from the manifest, checks that the inputs' files still have the "
          "recorded sizes and headers, merges a sample of the elements again and compares bytes. The same seed always takes the same "
          "sample, at any number of ranks. Methods that select over whole tensors (ties, magnitude, l1) read the sampled tensors in "
          "full.",
      .groups = {inputs, report},
      .positional = "words",
      .files = {{"OUTPUT/dare-manifest.json", "of a folder: what each block should be"},
                {"OUTPUT.manifest.json", "of an OUTPUT that is one file"}},
      .examples = {{"Every block against the manifest", "mpirun -n 8 dare-verify merged/"},
                   {"A sample of the elements merged again from inputs that have moved",
                    "mpirun -n 8 dare-verify merged.h5 --against --sample 1000 --inputs-at ."},
                   {"In a script", "dare-verify merged/ --json | jq .verified"}},
      .exits = {{ExitCode::done, "verified"},
                {ExitCode::failure, "runtime failure: reading, a lost rank"},
                {ExitCode::usage, "the command line is wrong"},
                {ExitCode::input, "no OUTPUT, no manifest, or inputs that cannot be read"},
                {ExitCode::mismatch, "something differs"}},
      .see_also = {"dare-merge", "dare-diff"}};
}

// What a manifest that was given in the place of its output stands beside, or in.
std::filesystem::path output_of(const std::filesystem::path& given) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(given, unknown)) return given;
  const auto name = given.filename().string();
  if (name == dare::checkpoint::k_manifest_file) return given.has_parent_path() ? given.parent_path() : ".";
  if (!name.ends_with(dare::checkpoint::k_manifest_ending)) return given;
  return given.parent_path() / name.substr(0, name.size() - dare::checkpoint::k_manifest_ending.size());
}

dare::pipeline::VerifyOptions options_from(const Given& given) {
  dare::pipeline::VerifyOptions options;
  options.program = "dare-verify";
  const auto words = dare::app::positional_words(given);
  if (words.size() != 1) throw dare::UsageError{fmt::format("one OUTPUT is expected, found {}; see dare-verify --help", words.size())};
  options.output = output_of(words.front());
  options.show = given["show"].as<std::uint64_t>();
  options.json = given["json"].as<bool>();
  options.against = given["against"].as<bool>();
  if (given.count("inputs-at") != 0) options.inputs_at = given["inputs-at"].as<std::string>();
  options.sample = given["sample"].as<std::uint64_t>();
  options.seed = given["sample-seed"].as<std::uint64_t>();
  options.all = given["all"].as<bool>();
  options.memory_per_rank = dare::app::size_value(given, "memory-per-rank");
  const bool about_inputs = options.all || !options.inputs_at.empty() || !given["sample"].defaulted() ||
                            !given["sample-seed"].defaulted() || !given["memory-per-rank"].defaulted();
  if (about_inputs && !options.against)
    throw dare::UsageError{"--inputs-at, --sample, --sample-seed, --all and --memory-per-rank go with --against"};
  if (options.all && !given["sample"].defaulted()) throw dare::UsageError{"--all and --sample exclude each other; give one"};
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, program(), [](const Given& given, const dare::comm::Communicator& world) {
    dare::pipeline::VerifyOptions options;
    world.agree([&] { options = options_from(given); });
    return dare::pipeline::verify(options, world);
  });
}
