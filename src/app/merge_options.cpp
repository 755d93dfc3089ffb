#include "app/merge_options.hpp"

#include "app/option_values.hpp"
#include "app/plan_options.hpp"
#include "app/run_options.hpp"

#include "checkpoint/endings.hpp"
#include "recipe/names.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/policy_table.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/core/error.hpp>
#include <dare/merge/method.hpp>

#include <fmt/format.h>

#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace dare::app {
namespace {

namespace po = boost::program_options;

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const auto& method : merge::methods()) names.emplace_back(method.name);
  return names;
}

std::string no_option(const std::string& option) {
  return "no-" + option;
}

// The option of each parameter of recipes, by the member that holds it.
struct AddParameter {
  po::options_description& group;
  const recipe::ParameterRow& row;

  void operator()(std::optional<recipe::Setting> recipe::Parameters::*) const {
    add(number_value<std::vector<double>>(recipe::option_of(row), std::string{row.value_name}), fmt::format("per model: {}", row.help));
  }
  // Two switches, no value: the word after one may be OUTPUT.
  void operator()(std::optional<bool> recipe::MethodParameters::*) const {
    add(po::bool_switch(), std::string{row.help});
    group.add_options()(no_option(recipe::option_of(row)).c_str(), po::bool_switch(), "do not, where the method or the recipe does");
  }
  template <class Holder, class T>
  void operator()(std::optional<T> Holder::*) const {
    if constexpr (std::is_enum_v<T>) {
      const auto& words = recipe::words_of(T{});
      add(word_value(std::string{row.value_name}, words_of_table(words)), fmt::format("{}: {}", row.help, recipe::one_of(words)));
    } else {
      add(number_value<double>(recipe::option_of(row), std::string{row.value_name}), std::string{row.help});
    }
  }

 private:
  void add(const po::value_semantic* value, const std::string& help) const {
    group.add_options()(recipe::option_of(row).c_str(), value,
                        (row.otherwise.empty() ? help : fmt::format("{} ({})", help, row.otherwise)).c_str());
  }
};

po::options_description merge_group() {
  po::options_description group{"What to merge (each overrides the recipe; per-model options: once for all models, or once a model)"};
  auto add = group.add_options();
  add("base", path_value("B"), "the model that the others were fine-tuned from");
  add("model", path_value<std::vector<std::string>>("M"), "a fine-tuned model; give one for each");
  add("method", word_value("NAME", method_names()), "merge method, see Methods (dare_linear)");
  for (const auto& row : recipe::parameters()) std::visit(AddParameter{group, row}, row.member);
  add("stream", number_value<std::vector<std::uint64_t>>("stream", "N"), "per model: number of its random stream (its position)");
  add("seed", number_value<std::uint64_t>("seed", "S"), "of all random masks (0); recorded in the output");
  add("dtype", dtype_value("T"), "float type of the output, e.g. BF16 (the base's)");
  add("exclude", po::value<std::vector<std::string>>()->value_name("REGEX"), "tensors to keep from the base; may be given more than once");
  recipe::for_each_policy([&]<class Enum>(const recipe::PolicyRow& row, Enum recipe::Recipe::*member) {
    const auto& words = recipe::words_of(Enum{});
    add(std::string{row.key}.c_str(), word_value(std::string{row.value_name}, words_of_table(words)),
        fmt::format("{}: {} ({})", row.help, recipe::one_of(words), recipe::word_for(words, recipe::Recipe{}.*member)).c_str());
  });
  add("inputs-at", path_value("DIR"), "with a manifest as RECIPE: its relative paths are relative to DIR (the working folder)");
  return group;
}

po::options_description plan_group() {
  po::options_description group{"Planning (no weight is read)"};
  add_plan_options(group, "print passes, bytes, memory and writers, and stop", "plan for N ranks instead of these");
  auto add = group.add_options();
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

// What the command line gives of a parameter.
struct ReadParameter {
  const Given& given;
  const std::string& name;  // of the option

  std::optional<recipe::ParameterValue> operator()(std::optional<recipe::Setting> recipe::Parameters::*) const {
    return optional_value<std::vector<double>>(given, name);
  }
  std::optional<recipe::ParameterValue> operator()(std::optional<bool> recipe::MethodParameters::*) const {
    const bool yes = given[name].as<bool>();
    const bool no = given[no_option(name)].as<bool>();
    if (yes && no) throw UsageError{fmt::format("--{0} and --{1}: give one of them", name, no_option(name))};
    if (!yes && !no) return std::nullopt;
    return yes;
  }
  template <class Holder, class T>
  std::optional<recipe::ParameterValue> operator()(std::optional<T> Holder::*) const {
    if (given.count(name) == 0) return std::nullopt;
    if constexpr (std::is_enum_v<T>) return given[name].as<std::string>();
    else return std::vector{given[name].as<double>()};
  }
};

constexpr std::string_view k_standard_input = "/dev/stdin";

bool is_recipe(const std::string& word) {
  return word == "-" || word == k_standard_input || word.ends_with(".yml") || word.ends_with(".yaml") || word.ends_with(".json");
}

// A folder is one where no recipe is needed: else it may be that of the recipe which is meant.
void refuse_model_as_recipe(const std::string& word, const recipe::Overrides& overrides) {
  const auto* const ending = checkpoint::find_ending(std::filesystem::path{word}.extension().string());
  std::error_code unknown;
  const bool may_be_without = overrides.base.has_value() || !overrides.models.empty();
  if ((ending != nullptr && ending->read) || (may_be_without && std::filesystem::is_directory(word, unknown)))
    throw UsageError{fmt::format("{} is a model, and stands where a recipe would; give --model before each model", word)};
}

// RECIPE OUTPUT, or OUTPUT alone beside --base; no OUTPUT is needed where nothing is written.
void read_words(const std::vector<std::string>& words, pipeline::MergeOptions& options) {
  std::size_t next = 0;
  if (words.size() > 1) refuse_model_as_recipe(words.front(), options.overrides);
  if (words.size() > 1 || (words.size() == 1 && is_recipe(words.front()))) options.recipe = words[next++];
  if (options.recipe == "-") options.recipe = k_standard_input;
  if (next < words.size()) options.output = words[next++];
  if (next < words.size())
    throw UsageError{fmt::format("\"{}\": one word too many; give RECIPE.yml OUTPUT, or OUTPUT with --base and --model", words[next])};
  checkpoint::check_ending(options.output);
  if (options.output.empty() && !options.plan_only && !options.explain) {
    throw UsageError{fmt::format("{}no OUTPUT is given; see dare-merge --help",
                                 options.recipe.empty() ? "" : fmt::format("{} is read as the recipe; ", options.recipe.string()))};
  }
  if (options.recipe.empty() && !options.overrides.base && options.overrides.models.empty()) {
    throw UsageError{"neither a recipe (RECIPE.yml) nor --base and --model are given; see dare-merge --help"};
  }
}

std::optional<double> bandwidth(const Given& given, const char* name) {
  const auto text = optional_value<std::string>(given, name);
  if (!text) return std::nullopt;
  const auto bytes = size_value(given, name);
  if (bytes == 0) throw UsageError{fmt::format("--{} {}: give a number above 0", name, *text)};
  return static_cast<double>(bytes);
}

constexpr auto k_merge_description =
    "dare-merge adds what fine-tuning taught several models of one base model (their deltas, F - B) to that base. With the default "
    "method, DARE, a share P of each delta's elements is dropped at random and the rest is rescaled by 1/(1-P): nine of ten elements can "
    "go, in large models 99 of 100, and what is left of several models fits into one.\n\n"
    "B and M are a Hugging Face folder, a .safetensors, .h5, .bin, .pt or .pth file; M may also be a PEFT (LoRA) adapter folder or a delta "
    "checkpoint of dare-convert. An OUTPUT that ends in .h5 or .safetensors is one file; any other is a Hugging Face folder, with the "
    "base's config and tokenizer.\n\n"
    "What to merge is said by a recipe (YAML, the form of mergekit), by options, or by both: options override the recipe. All inputs are "
    "checked before the first weight is read, and all problems are told at once. OUTPUT appears whole or not at all. The same command "
    "gives the same bytes at any number of ranks, nodes and writers, with any memory, resumed or not.";

std::vector<Section> merge_sections() {
  Section methods{"Methods", "", {}};
  for (const auto& method : merge::methods()) methods.items.emplace_back(method.name, method.summary);
  return {methods,
          {"Recipe",
           "  merge_method: dare_linear\n"
           "  base_model: llama/\n"
           "  models:\n"
           "    - {model: math/, parameters: {weight: 0.5, drop_rate: 0.9}}\n"
           "    - model: code/\n"
           "      parameters:\n"
           "        weight: 0.5\n"
           "        drop_rate: [{filter: mlp, value: 0.9}, {value: 0.5}]\n"
           "  parameters: {lambda: 1.0}\n"
           "  seed: 42\n"
           "  dtype: bfloat16\n\n"
           "Paths are relative to the recipe's folder. A parameter may be one number, a list that is interpolated over the layers, or a "
           "list of filters on tensor names, of which the first that matches counts. An unknown key is an error, told with its line. "
           "docs/reference.md has every key. A recipe of - is read from standard input, its paths are relative to the working folder.\n\n"
           "The manifest of an earlier merge is a recipe too: from the same inputs it gives the same bytes again. Its relative paths are "
           "relative to the working folder, or to that of --inputs-at; inputs that are not the recorded ones are refused. The summary says "
           "that the output's blocks are those recorded; if they are not, OUTPUT stays and the exit code is 4."},
          {"Under a batch system",
           "Start one process a rank with srun or mpirun, as the site has it; ranks share the reading and computing, and each writes "
           "its own part (--writers). A rank needs --memory-per-rank and about 64 MiB. On TERM, INT or USR1 all ranks keep the blocks "
           "that they have finished and end with exit code 75; the same command with --resume goes on there, with any number of ranks. "
           "jobs/ has batch "
           "scripts for Slurm that do this by themselves."},
          {"Figures of --explain",
           "What stands in the rows of the models and, of all models together, below them. B is the base's element.",
           {{"F, delta", "the model's element, and F - B in the type that is computed in"},
            {"rate, u, T", "the drop rate; the random number of the element, 32 bits; T, the rate as such a number: dropped where u < T"},
            {"is", "kept or dropped"},
            {"g", "what a kept delta is rescaled by"},
            {"w", "the model's weight (nearswap and sce: what they weigh it by)"},
            {"c", "what delta or F is multiplied by: weight, lambda and g in one, over N; of slerp, karcher and fisher what they find"},
            {"N", "the sum of the weights, where normalize divides by it"},
            {"sum", "of the models up to this one; below, of all"},
            {"x", "what an average is taken of: B with the kept and rescaled delta, or F"},
            {"t, vote, elected",
             "ties: w*g*delta; the sum that elects a sign; whether t has it. slerp, nearswap, model_stock: t is their parameter"},
            {"num, den", "ties: sums of the elected t, and of their w"},
            {"d, (B+d)-B", "compat mergelm: the rescaled delta, and what is left of it once it is added to B"},
            {"result, output", "in the type that is computed in, and as it is written"}}}};
}

std::vector<ExitMeaning> exit_meanings() {
  auto exits = run_exit_meanings("OUTPUT");
  set_meaning(exits, ExitCode::mismatch, "OUTPUT is complete, but has other weights than the manifest that was given as RECIPE records");
  return exits;
}

}  // namespace

Program merge_program() {
  return {.name = "dare-merge",
          .summary = "merges fine-tuned models into their base with DARE, over MPI",
          .usage = {"RECIPE.yml OUTPUT [options]", "--base B --model M [--model M ...] --drop-rate P OUTPUT [options]",
                    "RECIPE.yml --plan [options]", "RECIPE.yml --explain 'TENSOR[i,j]' [options]"},
          .description = k_merge_description,
          .groups = {merge_group(), run_options_group(), plan_group(), explain_group()},
          .positional = "words",
          .sections = merge_sections(),
          .files = {{"OUTPUT/dare-manifest.json",
                     "the record of a folder: recipe, seed, inputs, and the hash of every block; dare-verify reads it"},
                    {"OUTPUT.manifest.json", "the same, of an OUTPUT that is one file"},
                    {".OUTPUT.partial, .OUTPUT.journal",
                     "of a merge under way or interrupted, beside OUTPUT; --resume needs both. Of a single file its ending follows again: "
                     ".OUTPUT.partial.safetensors"}},
          .examples = {{"Two models into one, nine of ten delta elements dropped",
                        "mpirun -n 8 dare-merge --base llama/ --model math/ --model code/ --drop-rate 0.9 merged/"},
                       {"By a recipe, with another seed, into one HDF5 file", "mpirun -n 8 dare-merge recipe.yml merged.h5 --seed 7"},
                       {"What 64 ranks on 8 nodes would read, write and need", "dare-merge recipe.yml --plan --ranks 64 --nodes 8"},
                       {"The merge that a manifest records, again", "mpirun -n 8 dare-merge merged/dare-manifest.json again/"},
                       {"How one element of the output comes about", "dare-merge recipe.yml --explain 'norm.weight[7]'"}},
          .exits = exit_meanings(),
          .see_also = {"dare-inspect", "dare-sweep", "dare-verify", "dare-diff", "dare-convert"}};
}

pipeline::MergeOptions merge_options_from(const Given& given) {
  pipeline::MergeOptions options;
  options.run = run_options_from(given, "dare-merge");
  auto& over = options.overrides;
  over.base = optional_value<std::string>(given, "base");
  over.models = list_value<std::string>(given, "model");
  for (const auto& row : recipe::parameters()) {
    const auto name = recipe::option_of(row);
    if (auto value = std::visit(ReadParameter{given, name}, row.member)) over.parameters.emplace(row.key, std::move(*value));
  }
  over.stream = list_value<std::uint64_t>(given, "stream");
  over.method = optional_value<std::string>(given, "method");
  for (const auto& row : recipe::policies()) {
    const std::string name{row.key};
    if (auto word = optional_value<std::string>(given, name)) over.policies.emplace(name, std::move(*word));
  }
  over.seed = optional_value<std::uint64_t>(given, "seed");
  options.inputs_at = optional_value<std::string>(given, "inputs-at").value_or("");
  over.dtype = optional_value<std::string>(given, "dtype");
  over.exclude = list_value<std::string>(given, "exclude");
  const auto plan = plan_choice_from(given);
  options.plan_only = plan.plan_only;
  options.plan_ranks = plan.ranks;
  options.plan_nodes = plan.nodes;
  if ((given.count("bandwidth-read") != 0 || given.count("bandwidth-write") != 0) && !options.plan_only) {
    throw UsageError{"--bandwidth-read and --bandwidth-write predict a time and go with --plan"};
  }
  options.bandwidth = {bandwidth(given, "bandwidth-read"), bandwidth(given, "bandwidth-write")};
  options.explain = optional_value<std::string>(given, "explain");
  if (options.explain && options.plan_only) throw UsageError{"--plan and --explain: give one of them"};
  read_words(positional_words(given), options);
  return options;
}

}  // namespace dare::app
