#include "recipe/parse.hpp"

#include "core/printable.hpp"
#include "recipe/finish.hpp"
#include "recipe/mergekit.hpp"
#include "recipe/names.hpp"
#include "recipe/nearest.hpp"
#include "recipe/overrides.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/parameters.hpp"
#include "recipe/policy_table.hpp"

#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace dare::recipe {
namespace {

namespace fs = std::filesystem;

constexpr auto k_one_slice =
    "slices: one slice with all layers of all models is read, layers are not stacked here; list whole models under models";
const std::vector<std::string_view> k_entry_keys{"model", "parameters", "stream", key_of(merge::Auxiliary::fisher),
                                                 key_of(merge::Auxiliary::gram)};

std::optional<Dtype> read_dtype(YamlReader& yaml, const YAML::Node& node, std::string_view name) {
  const auto word = yaml.text(node, name);
  const auto dtype = word ? dtype_from_user(*word) : std::nullopt;
  if (dtype && is_floating(*dtype)) return dtype;
  if (word)
    yaml.refuse(node, fmt::format("{}: expected a float type such as bfloat16, float16 or float32, found {}", name, in_quotes(*word)));
  return std::nullopt;
}

std::optional<Source> read_source(YamlReader& yaml, const YAML::Node& node, std::string_view name, const fs::path& folder) {
  if (node.IsMap()) {
    yaml.refuse(node,
                fmt::format("{}: expected a path, found a mapping; revisions and adapters of mergekit's form are not supported", name));
    return std::nullopt;
  }
  const auto written = yaml.text(node, name);
  if (!written) return std::nullopt;
  if (written->starts_with("~/")) {
    yaml.refuse(node, fmt::format("{}: ~ is not expanded in a recipe, found {}; write the folder's whole path", name, in_quotes(*written)));
    return std::nullopt;
  }
  return source_at(*written, folder);
}

bool is_auxiliary(std::string_view key) {
  return std::any_of(merge::k_auxiliaries.begin(), merge::k_auxiliaries.end(), [&](auto auxiliary) { return key_of(auxiliary) == key; });
}

void read_auxiliary(YamlReader& yaml, const YamlReader::Entry& entry, const fs::path& folder, const std::string& prefix, ModelEntry& model,
                    Draft& draft) {
  if (model.auxiliary) yaml.refuse(entry.key_node, "fisher and gram are both given here; a method uses one");
  model.auxiliary = read_source(yaml, entry.value, entry.key, folder);
  draft.places[prefix + "." + entry.key] = yaml.place(entry.key_node);
}

// [0, number of layers], the same for all models; resolve() sees whether they have so many.
void read_layer_range(YamlReader& yaml, const YAML::Node& node, Draft& draft) {
  const auto bounds = yaml.sequence(node, "layer_range");
  std::vector<std::optional<std::uint64_t>> numbers;
  for (const auto& bound : bounds) numbers.push_back(yaml.whole(bound, "layer_range"));
  if (std::any_of(numbers.begin(), numbers.end(), [](const auto& number) { return !number; })) return;
  auto& recipe = draft.recipe;
  if (numbers.size() != 2 || *numbers[0] != 0 || (recipe.layers && *recipe.layers != *numbers[1])) return yaml.refuse(node, k_one_slice);
  recipe.layers = numbers[1];
  recipe.layers_given_at = yaml.place(node);
}

void read_model(YamlReader& yaml, const YAML::Node& node, const fs::path& folder, bool in_slice, Draft& draft) {
  const auto prefix = model_key(draft.recipe.models.size());
  draft.places[prefix] = yaml.place(node);
  if (node.IsScalar())
    return yaml.refuse(node, fmt::format("an entry of models is a mapping; write {{model: {}}}", printable(node.Scalar())));
  ModelEntry model;
  std::optional<std::uint64_t> stream;
  bool named = false;
  for (const auto& entry : yaml.mapping(node, "an entry of models")) {
    if (entry.key == "model") {
      named = true;
      if (const auto source = read_source(yaml, entry.value, entry.key, folder)) static_cast<Source&>(model) = *source;
    } else if (entry.key == "parameters") {
      read_parameters(yaml, entry.value, prefix, model.parameters, false, draft);
    } else if (entry.key == "stream") {
      stream = yaml.whole(entry.value, entry.key);
      draft.places[prefix + ".stream"] = yaml.place(entry.key_node);
    } else if (is_auxiliary(entry.key)) {
      read_auxiliary(yaml, entry, folder, prefix, model, draft);
    } else if (entry.key == "layer_range") {
      if (in_slice) read_layer_range(yaml, entry.value, draft);
      else yaml.refuse(entry.key_node, "layer_range: models are merged whole; leave it out");
    } else {
      refuse_unknown(yaml, entry, "an entry of models", k_entry_keys);
    }
  }
  if (node.IsMap() && !named) yaml.refuse(node, "an entry of models has no model");
  draft.recipe.models.push_back(std::move(model));
  draft.streams.push_back(stream);
}

// mergekit's other form of a list of models.
void read_slices(YamlReader& yaml, const YAML::Node& list, const fs::path& folder, Draft& draft) {
  const auto slices = yaml.sequence(list, "slices");
  if (slices.size() != 1) {
    if (list.IsSequence()) yaml.refuse(list, k_one_slice);
    return;
  }
  bool sources = false;
  for (const auto& entry : yaml.mapping(slices.front(), "a slice")) {
    if (entry.key == "sources") {
      sources = true;
      for (const auto& node : yaml.sequence(entry.value, "sources")) read_model(yaml, node, folder, true, draft);
    } else if (entry.key == "parameters") {
      yaml.refuse(entry.key_node, "a slice's parameters: there is but one slice; move them to the recipe's own parameters");
    } else {
      refuse_unknown(yaml, entry, "a slice", {"sources"});
    }
  }
  if (slices.front().IsMap() && !sources) yaml.refuse(slices.front(), "a slice has no sources");
}

// Top-level keys whose values are one word or number.
bool read_scalar(YamlReader& yaml, const YamlReader::Entry& entry, Recipe& recipe) {
  const auto& [key, key_node, value] = entry;
  const auto take = [](auto& into, const auto& read) {
    if (read) into = *read;
    return true;
  };
  if (key == "merge_method") return take(recipe.method, yaml.text(value, key));
  if (key == "seed") return take(recipe.seed, yaml.whole(value, key));
  if (key == "dtype") return take(recipe.dtype, read_dtype(yaml, value, key));
  if (key == "out_dtype") return take(recipe.out_dtype, read_dtype(yaml, value, key));
  bool taken = false;
  for_each_policy([&]<class Enum>(const PolicyRow& row, Enum Recipe::*member) {
    if (entry.key == row.key) taken = take(recipe.*member, yaml.choice(entry.value, entry.key, words_of(Enum{})));
  });
  return taken;
}

void read_entry(YamlReader& yaml, const YamlReader::Entry& entry, const fs::path& folder, Draft& draft) {
  auto& recipe = draft.recipe;
  if (const auto reason = why_not_taken(entry.key)) return yaml.refuse(entry.key_node, fmt::format("{}: {}", entry.key, *reason));
  draft.places[entry.key] = yaml.place(entry.key_node);
  if (entry.key == "compat" || read_scalar(yaml, entry, recipe) || read_copied_files(yaml, entry, draft)) return;  // compat was read first
  if (entry.key == "base_model") {
    recipe.base = read_source(yaml, entry.value, entry.key, folder);
  } else if (entry.key == "models") {
    read_models(yaml, entry.value, folder, draft);
  } else if (entry.key == "slices") {
    read_slices(yaml, entry.value, folder, draft);
  } else if (entry.key == "parameters") {
    read_parameters(yaml, entry.value, "parameters", recipe.parameters, true, draft);
  } else if (entry.key == "exclude") {
    recipe.exclude = yaml.texts(entry.value, entry.key);
  } else if (entry.key == "tensor_order") {
    recipe.tensor_order = yaml.texts(entry.value, entry.key);
  } else {
    draft.places.erase(entry.key);
    refuse_unknown(yaml, entry, "a recipe", recipe_keys());
  }
}

// Of a file of another kind every key would be a problem.
void refuse_other_kinds(const YamlReader& yaml, const std::vector<YamlReader::Entry>& entries) {
  const auto any_of = [&](const std::vector<std::string_view>& keys) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const auto& entry) { return std::find(keys.begin(), keys.end(), entry.key) != keys.end(); });
  };
  if (any_of({"grid", "points", "evaluate"}))
    throw UsageError{fmt::format("{}: this is a sweep's specification, no recipe; run dare-sweep", yaml.where())};
  if (any_of({"stream_version"}))
    throw UsageError{fmt::format("{}: this is a manifest; give it by the name of its file, not through a pipe", yaml.where())};
  const auto is_strange = [](const auto& entry) { return !nearest_of(entry.key, recipe_keys()) && !is_parameter(entry.key); };
  if (!any_of({"merge_method", "models", "slices", "base_model"}) && std::any_of(entries.begin(), entries.end(), is_strange))
    throw UsageError{fmt::format("{}: no recipe: neither merge_method nor models is in it", yaml.where())};
}

// A file or pipe of the shell's, by the name that it has in every process; files in /dev/shm are ordinary ones.
bool is_standard_stream(const fs::path& file) {
  const auto folder = file.parent_path();
  return folder == "/dev" || folder == "/dev/fd" || folder == "/proc/self/fd";
}

std::string text_of(const fs::path& file) {
  std::error_code unknown;
  const auto status = fs::status(file, unknown);
  if (fs::exists(status) && !fs::is_regular_file(status) &&
      !fs::is_directory(status)) {  // <(...) of a shell, a terminal: they have no size
    std::ifstream pipe{file};
    return {std::istreambuf_iterator<char>{pipe}, {}};
  }
  return read_document(file, "recipe");
}

}  // namespace

void refuse_unknown(YamlReader& yaml, const YamlReader::Entry& entry, std::string_view where, const std::vector<std::string_view>& known) {
  if (is_parameter(entry.key) && std::find(known.begin(), known.end(), "parameters") != known.end()) {
    return yaml.refuse(entry.key_node, fmt::format("{} in {}: belongs under parameters:, as parameters: {{{}: ...}}", in_quotes(entry.key),
                                                   where, entry.key));
  }
  const auto nearest = nearest_of(entry.key, known);
  const auto hint = nearest                        ? fmt::format("; did you mean {}?", *nearest)
                    : yaml.is_first_unknown(where) ? fmt::format("; known here: {}", fmt::join(known, ", "))
                                                   : "";
  yaml.refuse(entry.key_node, fmt::format("unknown key {} in {}{}", in_quotes(entry.key), where, hint));
}

Source source_at(const std::string& written, const fs::path& folder) {
  const fs::path path{written};
  return {path.is_absolute() ? path : folder / path, written};
}

const std::vector<std::string_view>& recipe_keys() noexcept {
  static const auto keys = [] {
    std::vector<std::string_view> all{"merge_method", "base_model", "models", "parameters", "seed", "dtype", "out_dtype", "exclude"};
    for (const auto& row : policies()) all.push_back(row.key);
    all.insert(all.end(), {"tensor_order", "tokenizer_source", "tokenizer", "chat_template"});
    return all;
  }();
  return keys;
}

void read_models(YamlReader& yaml, const YAML::Node& list, const fs::path& folder, Draft& draft) {
  for (const auto& node : yaml.sequence(list, "models")) read_model(yaml, node, folder, false, draft);
}

void read_recipe(YamlReader& yaml, const std::vector<YamlReader::Entry>& entries, const fs::path& folder, Draft& draft) {
  for (const auto& entry : entries) {
    if (entry.key == "base_model" && entry.value.IsScalar()) draft.base_named = entry.value.Scalar();
  }
  // What `rescale: true` means depends on it.
  for (const auto& entry : entries) {
    if (entry.key != "compat") continue;
    const auto before = draft.recipe.compat;
    (void)read_scalar(yaml, entry, draft.recipe);
    if (draft.compat_given) draft.recipe.compat = before;
  }
  for (const auto& entry : entries) read_entry(yaml, entry, folder, draft);
  if (draft.gives("slices") && draft.gives("models"))
    yaml.refuse_at(draft.places["slices"], "slices is given beside models; give one of them");
}

void read_recipe(YamlReader& yaml, const YAML::Node& root, const fs::path& folder, Draft& draft) {
  const auto entries = yaml.mapping(root, "a recipe");
  refuse_other_kinds(yaml, entries);
  read_recipe(yaml, entries, folder, draft);
}

namespace {

// What follows from the whole recipe is looked at only where each part of it is sound.
Recipe finished(Draft& draft, const Overrides& overrides, Problems& problems) {
  apply(overrides, draft, problems);
  if (problems.empty()) finish(draft, problems);
  else check_method_name(draft, problems);
  return std::move(draft.recipe);
}

Recipe parse(std::string_view text, const std::string& where, const fs::path& folder, const Overrides& overrides, Problems& problems) {
  Draft draft;
  draft.where = where;
  draft.recipe.where = where;
  if (const auto compat = overrides.policies.find("compat"); compat != overrides.policies.end()) {
    draft.compat_given = true;
    draft.recipe.compat = value_of(k_compat, compat->second).value_or(merge::Compat::none);
  }
  YamlReader yaml{where, problems};
  read_recipe(yaml, yaml.document(text), folder, draft);
  return finished(draft, overrides, problems);
}

}  // namespace

Recipe parse(std::string_view text, const std::string& where, const fs::path& folder, const Overrides& overrides) {
  Problems problems;
  auto recipe = parse(text, where, folder, overrides, problems);
  problems.throw_if_any();
  return recipe;
}

Recipe load(const fs::path& file, const Overrides& overrides, Problems& problems) {
  Problems of_recipe;  // others are no reason to look at less of it
  Recipe recipe;
  of_recipe.attempt([&] {
    Draft draft;
    if (file.empty()) return void(recipe = finished(draft, overrides, of_recipe));
    std::error_code unknown;
    const bool piped = fs::is_fifo(file, unknown) || is_standard_stream(file);  // its own folder says nothing
    recipe = parse(text_of(file), file.string(), piped ? fs::path{} : file.parent_path(), overrides, of_recipe);
  });
  problems.add(of_recipe);
  return recipe;
}

Recipe load(const fs::path& file, const Overrides& overrides) {
  Problems problems;
  auto recipe = load(file, overrides, problems);
  problems.throw_if_any();
  return recipe;
}

}  // namespace dare::recipe
