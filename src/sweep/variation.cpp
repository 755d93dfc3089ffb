#include "sweep/variation.hpp"

#include "recipe/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dare::sweep {
namespace {

using recipe::Draft;
using recipe::Setting;
using recipe::YamlReader;

constexpr std::size_t k_longest_name = 200;

// Parameters of models: one value for all, or a list of one a model.
struct ModelParameter {
  std::string_view key;
  std::optional<Setting> recipe::Parameters::*member;
  const recipe::Range& range;
};
const std::array k_model_parameters{ModelParameter{"weight", &recipe::Parameters::weight, recipe::k_finite},
                                    ModelParameter{"drop_rate", &recipe::Parameters::drop_rate, recipe::k_share},
                                    ModelParameter{"density", &recipe::Parameters::density, recipe::k_share},
                                    ModelParameter{"gamma", &recipe::Parameters::gamma, recipe::k_share},
                                    ModelParameter{"epsilon", &recipe::Parameters::epsilon, recipe::k_share}};

std::string_view other_rate(std::string_view key) {
  return key == "drop_rate" ? "density" : key == "density" ? "drop_rate" : "";
}

void apply_to_models(const ModelParameter& parameter, const std::vector<double>& values, const std::string& place, Draft& draft,
                     Problems& problems) {
  auto& models = draft.recipe.models;
  if (values.size() != 1 && values.size() != models.size()) {
    problems.usage(fmt::format("{}: {}: {} values for {} model{}; give one for all, or one a model", place, parameter.key, values.size(),
                               models.size(), models.size() == 1 ? "" : "s"));
    return;
  }
  const auto other = other_rate(parameter.key);
  for (std::size_t k = 0; k < models.size(); ++k) {
    models[k].parameters.*parameter.member = Setting::constant(values[values.size() == 1 ? 0 : k]);
    draft.places[fmt::format("{}.{}", recipe::model_key(k), parameter.key)] = place;
    if (other.empty()) continue;
    (other == "density" ? models[k].parameters.density : models[k].parameters.drop_rate).reset();
    draft.places.erase(fmt::format("{}.{}", recipe::model_key(k), other));
  }
}

std::optional<Variation> read_model_parameter(YamlReader& yaml, const ModelParameter& parameter, const YAML::Node& node) {
  std::vector<double> values;
  const auto items = node.IsSequence() ? yaml.sequence(node, parameter.key) : std::vector<YAML::Node>{node};
  for (const auto& item : items) {
    if (const auto value = yaml.number(item, parameter.key, parameter.range)) values.push_back(*value);
  }
  if (values.size() != items.size()) return std::nullopt;
  if (values.empty()) {
    yaml.refuse(node, fmt::format("{}: an empty list; give one value for all models, or one a model", parameter.key));
    return std::nullopt;
  }
  auto place = yaml.place(node);
  return Variation{
      std::string{parameter.key}, fmt::format("{}", fmt::join(values, "+")), place,
      [&parameter, values, place](Draft& draft, Problems& problems) { apply_to_models(parameter, values, place, draft, problems); }};
}

// A value of the whole recipe: `set` puts it there, `at` is where the recipe's own messages look for its place.
template <class Value, class Set>
std::optional<Variation> whole_recipe(YamlReader& yaml, const std::string& key, const YAML::Node& node, const std::optional<Value>& value,
                                      std::string text, const std::string& at, const Set& set) {
  if (!value) return std::nullopt;
  auto place = yaml.place(node);
  return Variation{key, std::move(text), place, [=, v = *value](Draft& draft, Problems&) {
                     set(draft.recipe, v);
                     draft.places[at] = place;
                   }};
}

std::optional<Variation> read_rescale(YamlReader& yaml, const std::string& key, const YAML::Node& node) {
  const auto value = yaml.choice(node, key, recipe::k_rescale);
  return whole_recipe(yaml, key, node, value, node.IsScalar() ? node.Scalar() : "", "parameters.rescale",
                      [](recipe::Recipe& recipe, merge::Rescale rescale) {
                        recipe.parameters.rescale = rescale;
                        for (auto& model : recipe.models) model.parameters.rescale.reset();
                      });
}

std::optional<Variation> read_method_number(YamlReader& yaml, const std::string& key, const YAML::Node& node, const recipe::Range& range,
                                            std::optional<Setting> recipe::MethodParameters::*member) {
  const auto value = yaml.number(node, key, range);
  return whole_recipe(yaml, key, node, value, value ? fmt::format("{}", *value) : "", "parameters." + key,
                      [member](recipe::Recipe& recipe, double v) { recipe.method_parameters.*member = Setting::constant(v); });
}

}  // namespace

const std::vector<std::string_view>& variation_keys() noexcept {
  static const std::vector<std::string_view> keys{"models",  "merge_method", "weight",    "drop_rate", "density", "gamma", "epsilon",
                                                  "rescale", "lambda",       "normalize", "sign",      "scope",   "t",     "seed"};
  return keys;
}

std::optional<Variation> read_variation(YamlReader& yaml, const std::string& key, const YAML::Node& value) {
  using recipe::MethodParameters;
  using recipe::Recipe;
  const auto* const parameter =
      std::find_if(k_model_parameters.begin(), k_model_parameters.end(), [&](const auto& row) { return row.key == key; });
  if (parameter != k_model_parameters.end()) return read_model_parameter(yaml, *parameter, value);
  const std::string word = value.IsScalar() ? value.Scalar() : "";
  if (key == "rescale") return read_rescale(yaml, key, value);
  if (key == "lambda") return read_method_number(yaml, key, value, recipe::k_finite, &MethodParameters::lambda);
  if (key == "t") return read_method_number(yaml, key, value, recipe::k_share, &MethodParameters::t);
  if (key == "seed") {
    const auto seed = yaml.whole(value, key);
    return whole_recipe(yaml, key, value, seed, seed ? fmt::format("{}", *seed) : "", key, [](Recipe& r, std::uint64_t v) { r.seed = v; });
  }
  if (key == "normalize") {
    const auto normalize = yaml.boolean(value, key);
    return whole_recipe(yaml, key, value, normalize, normalize && *normalize ? "true" : "false", "parameters.normalize",
                        [](Recipe& r, bool v) { r.method_parameters.normalize = v; });
  }
  if (key == "sign") {
    return whole_recipe(yaml, key, value, yaml.choice(value, key, recipe::k_sign), word, "parameters.sign",
                        [](Recipe& r, merge::Sign v) { r.method_parameters.sign = v; });
  }
  if (key == "scope") {
    return whole_recipe(yaml, key, value, yaml.choice(value, key, recipe::k_scope), word, "parameters.scope",
                        [](Recipe& r, merge::Scope v) { r.method_parameters.scope = v; });
  }
  auto method = yaml.text(value, key);
  if (method && merge::find_method(*method) == nullptr) {
    yaml.refuse(value, recipe::unknown_method(*method));
    method.reset();
  }
  return whole_recipe(yaml, key, value, method, word, key, [](Recipe& r, const std::string& v) { r.method = v; });
}

std::optional<Variation> read_model_set(YamlReader& yaml, const YamlReader::Entry& set, const std::filesystem::path& folder) {
  if (!is_plain_name(set.key)) {
    yaml.refuse(set.key_node, fmt::format("{} is no name for a set of models; use letters, digits and ._+=,-", recipe::in_quotes(set.key)));
    return std::nullopt;
  }
  Draft part;
  const auto entries = yaml.mapping(set.value, fmt::format("models: {}", set.key));
  std::vector<YamlReader::Entry> known;
  bool models = false;
  for (const auto& entry : entries) {
    models = models || entry.key == "models";
    if (entry.key == "models" || entry.key == "base_model") known.push_back(entry);
    else recipe::refuse_unknown(yaml, entry, "a set of models", {"base_model", "models"});
  }
  if (set.value.IsMap() && !models)
    yaml.refuse(set.key_node, fmt::format("the set of models {} has no models", recipe::in_quotes(set.key)));
  recipe::read_recipe(yaml, known, folder, part);
  return Variation{"models", set.key, yaml.place(set.key_node), [part](Draft& draft, Problems&) {
                     std::erase_if(draft.places, [&](const auto& place) {
                       return place.first.starts_with("models") || (part.recipe.base && place.first == "base_model");
                     });
                     if (part.recipe.base) draft.recipe.base = part.recipe.base;
                     draft.recipe.models = part.recipe.models;
                     draft.streams = part.streams;
                     draft.places.insert(part.places.begin(), part.places.end());
                   }};
}

bool is_plain_name(std::string_view text) noexcept {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"._+=,-"}.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= k_longest_name && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), plain);
}

}  // namespace dare::sweep
