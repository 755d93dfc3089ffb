#include "app/merge_options.hpp"

#include "app/run_options.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>
#include <dare/merge/method.hpp>

#include <fmt/format.h>

namespace dare::app {
namespace {

namespace po = boost::program_options;

po::options_description merge_group() {
  po::options_description group{"What to merge (each overrides the recipe; per-model options: once for all models, or once a model)"};
  auto add = group.add_options();
  add("base", po::value<std::string>()->value_name("B"), "the model that the others were fine-tuned from");
  add("model", po::value<std::vector<std::string>>()->value_name("M"), "a fine-tuned model; give one for each");
  add("drop-rate", po::value<std::vector<double>>()->value_name("P"), "per model: share of delta elements to drop, 0 to 1");
  add("density", po::value<std::vector<double>>()->value_name("D"), "per model: share to keep, instead of --drop-rate");
  add("weight", po::value<std::vector<double>>()->value_name("W"), "per model: factor of its delta (1)");
  add("stream", po::value<std::vector<std::uint64_t>>()->value_name("N"), "per model: number of its random stream (its position)");
  add("lambda", po::value<double>()->value_name("L"), "factor of the whole sum of deltas (1)");
  add("normalize", po::bool_switch(), "divide by the sum of the weights");
  add("method", po::value<std::string>()->value_name("NAME"), "merge method, see below (dare_linear)");
  add("rescale", po::value<std::string>()->value_name("R"), "expected, none or l1 (the method's)");
  add("sign", po::value<std::string>()->value_name("S"), "ties: weighted or unweighted deltas elect the sign (weighted)");
  add("scope", po::value<std::string>()->value_name("S"), "magnitude: keep the largest of each tensor, or of the model (tensor)");
  add("t", po::value<double>()->value_name("T"), "slerp, nearswap: how far to go from the base to the model");
  add("seed", po::value<std::uint64_t>()->value_name("S"), "of all random masks (0); recorded in the output");
  add("dtype", po::value<std::string>()->value_name("T"), "float type of the output, e.g. BF16 (the base's)");
  add("exclude", po::value<std::vector<std::string>>()->value_name("REGEX"), "tensors to keep from the base; may be given more than once");
  add("missing", po::value<std::string>()->value_name("M"), "tensor that a model lacks: error, base or skip (error)");
  add("rows", po::value<std::string>()->value_name("R"), "other vocabulary size: error, base or extend (error)");
  add("nonfinite", po::value<std::string>()->value_name("N"), "infinite or NaN inputs: error or keep (error)");
  add("overflow", po::value<std::string>()->value_name("O"), "results too large for the output type: error or saturate (error)");
  add("rounding", po::value<std::string>()->value_name("R"), "nearest or stochastic (nearest)");
  add("compat", po::value<std::string>()->value_name("C"), "mergelm or mergekit: compute as that program does");
  return group;
}

po::options_description plan_group() {
  po::options_description group{"Planning (no weight is read)"};
  auto add = group.add_options();
  add("plan", po::bool_switch(), "print passes, bytes, memory and writers, and stop");
  add("ranks", po::value<int>()->value_name("N"), "plan for N ranks instead of these");
  add("nodes", po::value<int>()->value_name("M"), "... spread over M nodes (1)");
  add("bandwidth-read", po::value<std::string>()->value_name("B"), "bytes/s of all nodes together, e.g. 50GB: predicts the time");
  add("bandwidth-write", po::value<std::string>()->value_name("B"), "likewise for writing");
  return group;
}

po::options_description explain_group() {
  po::options_description group{"Explaining (nothing is written)"};
  group.add_options()(
      "explain", po::value<std::string>()->value_name("ELEMENT"),
      "TENSOR[i,j], TENSOR[flat index] or, of one element, TENSOR: print how this element of the output comes about, and stop");
  return group;
}

template <class T>
std::optional<T> optional(const Given& given, const char* name) {
  if (given.count(name) == 0) return std::nullopt;
  return given[name].as<T>();
}

template <class T>
std::vector<T> list(const Given& given, const char* name) {
  return optional<std::vector<T>>(given, name).value_or(std::vector<T>{});
}

bool is_recipe(const std::string& word) {
  return word.ends_with(".yml") || word.ends_with(".yaml");
}

// RECIPE OUTPUT, or OUTPUT alone beside --base; no OUTPUT is needed where nothing is written.
void read_words(const std::vector<std::string>& words, pipeline::MergeOptions& options) {
  std::size_t next = 0;
  if (words.size() > 1 || (words.size() == 1 && is_recipe(words.front()))) options.recipe = words[next++];
  if (next < words.size()) options.output = words[next++];
  if (next < words.size())
    throw UsageError{fmt::format("\"{}\": one word too many; give RECIPE.yml OUTPUT, or OUTPUT with --base and --model", words[next])};
  if (options.output.empty() && !options.plan_only && !options.explain) throw UsageError{"no OUTPUT is given; see dare-merge --help"};
  if (options.recipe.empty() && !options.overrides.base && options.overrides.models.empty()) {
    throw UsageError{"neither a recipe (RECIPE.yml) nor --base and --model are given; see dare-merge --help"};
  }
}

std::optional<double> bandwidth(const Given& given, const char* name) {
  const auto text = optional<std::string>(given, name);
  if (!text) return std::nullopt;
  const auto bytes = parse_byte_size(*text);
  if (bytes == 0) throw UsageError{fmt::format("--{} {}: give a number above 0", name, *text)};
  return static_cast<double>(bytes);
}

std::optional<int> count(const Given& given, const char* name) {
  const auto n = optional<int>(given, name);
  if (n && (*n < 1 || *n > 1 << 20)) throw UsageError{fmt::format("--{} {}: give a number from 1 to {}", name, *n, 1 << 20)};
  return n;
}

std::string details() {
  std::string text = "Methods:\n";
  for (const auto& method : merge::methods()) text += fmt::format("  {:<18} {}\n", method.name, method.summary);
  text +=
      "\nB and M: a Hugging Face folder, a .safetensors, .h5, .bin, .pt or .pth file; M also a PEFT (LoRA) adapter folder. OUTPUT ending "
      "in .h5 or .safetensors is one\n"
      "file, otherwise a Hugging Face folder. The same command gives the same bytes at any number of ranks.\n\n"
      "Examples:\n"
      "  mpirun -n 8 dare-merge --base llama/ --model math/ --model code/ --drop-rate 0.9 --dtype BF16 merged/\n"
      "  mpirun -n 8 dare-merge recipe.yml merged.h5 --seed 7\n"
      "  dare-merge recipe.yml --plan --ranks 64 --nodes 8\n"
      "  dare-merge recipe.yml --explain 'model.norm.weight[7]'\n\n"
      "Exit codes: 0 done, 1 runtime failure, 2 usage or recipe, 3 bad input or OUTPUT exists, 75 interrupted: --resume\n";
  return text;
}

}  // namespace

Program merge_program() {
  return {"dare-merge",
          "merges fine-tuned models into their base with DARE, over MPI",
          {"RECIPE.yml OUTPUT [options]", "--base B --model M [--model M ...] --drop-rate P OUTPUT [options]",
           "RECIPE.yml --plan [options]", "RECIPE.yml --explain 'TENSOR[i,j]' [options]"},
          details(),
          {merge_group(), run_options_group(), plan_group(), explain_group()},
          "words"};
}

pipeline::MergeOptions merge_options_from(const Given& given) {
  pipeline::MergeOptions options;
  options.run = run_options_from(given, "dare-merge");
  auto& over = options.overrides;
  over.base = optional<std::string>(given, "base");
  over.models = list<std::string>(given, "model");
  over.drop_rate = list<double>(given, "drop-rate");
  over.density = list<double>(given, "density");
  over.weight = list<double>(given, "weight");
  over.stream = list<std::uint64_t>(given, "stream");
  over.lambda = optional<double>(given, "lambda");
  if (given["normalize"].as<bool>()) over.normalize = true;
  over.method = optional<std::string>(given, "method");
  over.rescale = optional<std::string>(given, "rescale");
  over.sign = optional<std::string>(given, "sign");
  over.scope = optional<std::string>(given, "scope");
  over.t = optional<double>(given, "t");
  over.missing = optional<std::string>(given, "missing");
  over.rows = optional<std::string>(given, "rows");
  over.nonfinite = optional<std::string>(given, "nonfinite");
  over.overflow = optional<std::string>(given, "overflow");
  over.rounding = optional<std::string>(given, "rounding");
  over.compat = optional<std::string>(given, "compat");
  over.seed = optional<std::uint64_t>(given, "seed");
  over.dtype = optional<std::string>(given, "dtype");
  over.exclude = list<std::string>(given, "exclude");
  options.plan_only = given["plan"].as<bool>();
  options.plan_ranks = count(given, "ranks");
  options.plan_nodes = count(given, "nodes");
  if ((options.plan_ranks || options.plan_nodes) && !options.plan_only)
    throw UsageError{"--ranks and --nodes go with --plan; ranks to run with are mpirun's or srun's to give"};
  if (options.plan_nodes && !options.plan_ranks) throw UsageError{"--nodes says where --ranks run; give --ranks too"};
  if ((given.count("bandwidth-read") != 0 || given.count("bandwidth-write") != 0) && !options.plan_only) {
    throw UsageError{"--bandwidth-read and --bandwidth-write predict a time and go with --plan"};
  }
  options.bandwidth = {bandwidth(given, "bandwidth-read"), bandwidth(given, "bandwidth-write")};
  options.explain = optional<std::string>(given, "explain");
  if (options.explain && options.plan_only) throw UsageError{"--plan and --explain: give one of them"};
  read_words(list<std::string>(given, "words"), options);
  return options;
}

}  // namespace dare::app
