#include "sweep/variation.hpp"

#include "core/printable.hpp"
#include "recipe/finish.hpp"
#include "recipe/names.hpp"
#include "recipe/overrides.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/parameters.hpp"
#include "recipe/parse.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace dare::sweep {
namespace {

using recipe::Draft;
using recipe::ParameterValue;
using recipe::Setting;
using recipe::YamlReader;

constexpr std::size_t k_longest_name = 200;

// The one value of a parameter, by the member that holds it.
struct ReadParameter {
  YamlReader& yaml;
  const recipe::ParameterRow& row;
  const YAML::Node& node;

  // One for all models, or a list of one a model.
  std::optional<ParameterValue> operator()(std::optional<Setting> recipe::Parameters::*) const {
    std::vector<double> values;
    const auto items = node.IsSequence() ? yaml.sequence(node, row.key) : std::vector<YAML::Node>{node};
    for (const auto& item : items) {
      if (const auto value = yaml.number(item, row.key, row.range)) values.push_back(*value);
    }
    if (values.size() != items.size()) return std::nullopt;
    if (!values.empty()) return values;
    yaml.refuse(node, fmt::format("{}: an empty list; give one value for all models, or one a model", row.key));
    return std::nullopt;
  }
  std::optional<ParameterValue> operator()(std::optional<bool> recipe::MethodParameters::*) const { return yaml.boolean(node, row.key); }
  template <class Holder, class T>
  std::optional<ParameterValue> operator()(std::optional<T> Holder::*) const {
    if constexpr (std::is_enum_v<T>) {
      if (yaml.choice(node, row.key, recipe::words_of(T{}))) return node.Scalar();
    } else if (const auto value = yaml.number(node, row.key, row.range)) {
      return std::vector{*value};
    }
    return std::nullopt;
  }
};

std::string text_of(const ParameterValue& value) {
  if (const auto* const values = std::get_if<std::vector<double>>(&value)) return fmt::format("{}", fmt::join(*values, "+"));
  if (const auto* const yes = std::get_if<bool>(&value)) return *yes ? "true" : "false";
  return std::get<std::string>(value);
}

std::optional<Variation> read_parameter(YamlReader& yaml, const recipe::ParameterRow& row, const YAML::Node& node) {
  auto value = std::visit(ReadParameter{yaml, row, node}, row.member);
  if (!value) return std::nullopt;
  auto place = yaml.place(node);
  return Variation{
      std::string{row.key}, text_of(*value), place,
      [&row, value = std::move(*value), place](Draft& draft, Problems& problems) { recipe::put(row, value, place, draft, problems); }};
}

// A key of a recipe's top level: `set` puts its value there.
template <class Value, class Set>
std::optional<Variation> whole_recipe(YamlReader& yaml, const std::string& key, const YAML::Node& node, const std::optional<Value>& value,
                                      std::string text, const Set& set) {
  if (!value) return std::nullopt;
  auto place = yaml.place(node);
  return Variation{key, std::move(text), place, [=, v = *value](Draft& draft, Problems&) {
                     set(draft.recipe, v);
                     draft.places[key] = place;
                   }};
}

}  // namespace

const std::vector<std::string_view>& variation_keys() noexcept {
  static const auto keys = [] {
    std::vector<std::string_view> all{"models", "merge_method"};
    for (const auto& row : recipe::parameters()) all.push_back(row.key);
    all.push_back("seed");
    return all;
  }();
  return keys;
}

std::optional<Variation> read_variation(YamlReader& yaml, const std::string& key, const YAML::Node& value) {
  using recipe::Recipe;
  if (const auto* const row = recipe::find_parameter(key)) return read_parameter(yaml, *row, value);
  if (key == "seed") {
    const auto seed = yaml.whole(value, key);
    return whole_recipe(yaml, key, value, seed, seed ? fmt::format("{}", *seed) : "", [](Recipe& r, std::uint64_t v) { r.seed = v; });
  }
  auto method = yaml.text(value, key);
  if (method && merge::find_method(*method) == nullptr) {
    yaml.refuse(value, recipe::unknown_method(*method));
    method.reset();
  }
  return whole_recipe(yaml, key, value, method, method.value_or(""), [](Recipe& r, const std::string& v) { r.method = v; });
}

std::optional<Variation> read_model_set(YamlReader& yaml, const YamlReader::Entry& set, const std::filesystem::path& folder) {
  if (!is_plain_name(set.key)) {
    yaml.refuse(set.key_node, fmt::format("{} is no name for a set of models; use letters, digits and ._+=,-", in_quotes(set.key)));
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
  if (set.value.IsMap() && !models) yaml.refuse(set.key_node, fmt::format("the set of models {} has no models", in_quotes(set.key)));
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
