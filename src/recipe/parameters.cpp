#include "recipe/parameters.hpp"

#include "recipe/names.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/parse.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare::recipe {
namespace {

constexpr std::string_view k_int8_mask = "int8_mask";  // mergekit's; taken, without an effect

// @param all  also those that are one value for all models.
std::vector<std::string_view> known_keys(bool all) {
  std::vector<std::string_view> keys;
  for (const auto& row : parameters()) {
    if (all || is_of_models(row)) keys.push_back(row.key);
  }
  if (all) keys.push_back(k_int8_mask);
  return keys;
}

// A gradient: a list of numbers.
std::vector<double> read_gradient(YamlReader& yaml, const YAML::Node& node, std::string_view name, const Range& range) {
  std::vector<double> values;
  const auto items = yaml.sequence(node, name);
  if (node.IsSequence() && items.empty()) yaml.refuse(node, fmt::format("{}: the list is empty; expected at least one number", name));
  for (const auto& item : items) {
    if (const auto value = yaml.number(item, name, range)) values.push_back(*value);
  }
  return values;
}

// {filter: f, value: v}; a part whose value was refused has none.
std::optional<Setting::Part> read_part(YamlReader& yaml, const YAML::Node& node, std::string_view name, const Range& range) {
  Setting::Part part;
  bool has_value = false;
  for (const auto& entry : yaml.mapping(node, name)) {
    if (entry.key == "filter") {
      const auto filter = entry.value.IsNull() ? std::string{} : yaml.text(entry.value, fmt::format("{}: filter", name)).value_or("");
      if (filter != "*") part.filter = filter;
    } else if (entry.key == "value") {
      has_value = true;
      if (entry.value.IsSequence()) {
        part.values = read_gradient(yaml, entry.value, name, range);
      } else if (const auto value = yaml.number(entry.value, name, range)) {
        part.values = {*value};
      }
    } else {
      refuse_unknown(yaml, entry, name, {"filter", "value"});
    }
  }
  if (node.IsMap() && !has_value) yaml.refuse(node, fmt::format("{}: has no value beside its filter", name));
  return part.values.empty() ? std::nullopt : std::optional{part};
}

bool is_plain_word(const YAML::Node& node, std::string_view word) {
  return node.IsScalar() && node.Tag() != "!" && node.Scalar() == word;
}

// mergekit's true and false, or the rescale's name.
std::optional<merge::Rescale> read_rescale(YamlReader& yaml, const YAML::Node& node, merge::Compat compat) {
  if (is_plain_word(node, "true")) return compat == merge::Compat::mergekit ? merge::Rescale::l1 : merge::Rescale::expected;
  if (is_plain_word(node, "false")) return merge::Rescale::none;
  return yaml.choice(node, "rescale", k_rescale);
}

// Reads a parameter's value by its type.
struct ValueReader {
  YamlReader& yaml;
  const YamlReader::Entry& entry;
  const Range& range;
  merge::Compat compat;

  void operator()(std::optional<Setting>& into) const { into = read_setting(yaml, entry.value, entry.key, range); }
  void operator()(std::optional<double>& into) const { into = yaml.number(entry.value, entry.key, range); }
  void operator()(std::optional<bool>& into) const { into = yaml.boolean(entry.value, entry.key); }
  void operator()(std::optional<std::uint64_t>& into) const { into = yaml.whole(entry.value, entry.key, range); }
  void operator()(std::optional<merge::Rescale>& into) const { into = read_rescale(yaml, entry.value, compat); }
  template <class Enum>
  void operator()(std::optional<Enum>& into) const {
    into = yaml.choice(entry.value, entry.key, words_of(Enum{}));
  }
};

// drop_rate and density are two ways to say one thing.
void refuse_second_rate(YamlReader& yaml, const YamlReader::Entry& entry, const ParameterRow& row, const std::string& prefix,
                        const Draft& draft) {
  if (!is_rate(row)) return;
  const auto other = row.key == k_density ? k_drop_rate : k_density;
  const auto found = draft.places.find(fmt::format("{}.{}", prefix, other));
  if (found == draft.places.end()) return;
  yaml.refuse(entry.key_node, fmt::format("{} is given beside {} of line {}; density is 1 - drop_rate, give one", entry.key, other,
                                          found->second.substr(found->second.rfind(':') + 1)));
}

void note_int8_mask(YamlReader& yaml, const YamlReader::Entry& entry, Recipe& recipe) {
  if (!yaml.boolean(entry.value, entry.key).value_or(false)) return;
  recipe.notes.push_back(fmt::format("{}: int8_mask has no effect: masks are not stored here", yaml.place(entry.value)));
}

}  // namespace

bool is_parameter(std::string_view key) noexcept {
  return find_parameter(key) != nullptr || key == k_int8_mask;
}

std::optional<Setting> read_setting(YamlReader& yaml, const YAML::Node& node, std::string_view name, const Range& range) {
  Setting setting;
  const auto items = node.IsSequence() ? yaml.sequence(node, name) : std::vector<YAML::Node>{};
  const bool in_parts = std::any_of(items.begin(), items.end(), [](const auto& item) { return item.IsMap(); });
  if (in_parts) {
    for (const auto& item : items) {
      if (auto part = read_part(yaml, item, name, range)) setting.parts.push_back(std::move(*part));
    }
  } else if (node.IsMap()) {
    if (auto part = read_part(yaml, node, name, range)) setting.parts.push_back(std::move(*part));
  } else if (node.IsSequence()) {
    if (auto values = read_gradient(yaml, node, name, range); !values.empty()) setting.parts.push_back({"", std::move(values)});
  } else if (const auto value = yaml.number(node, name, range)) {
    setting = Setting::constant(*value);
  }
  return setting.parts.empty() ? std::nullopt : std::optional{setting};
}

void read_parameters(YamlReader& yaml, const YAML::Node& node, const std::string& prefix, Parameters& parameters, bool whole_recipe,
                     Draft& draft) {
  if (node.IsNull()) return;
  for (const auto& entry : yaml.mapping(node, "parameters")) {
    const auto* const row = find_parameter(entry.key);
    const bool of_method = row != nullptr ? !is_of_models(*row) : entry.key == k_int8_mask;
    if (of_method && !whole_recipe) {
      yaml.refuse(entry.key_node, fmt::format("{} is one value for all models; move it to the recipe's own parameters", entry.key));
    } else if (row != nullptr) {
      const ValueReader reader{yaml, entry, row->range, draft.recipe.compat};
      visit_value(*row, parameters, draft.recipe.method_parameters, reader);
      refuse_second_rate(yaml, entry, *row, prefix, draft);
    } else if (of_method) {
      note_int8_mask(yaml, entry, draft.recipe);
    } else if (std::find(recipe_keys().begin(), recipe_keys().end(), entry.key) != recipe_keys().end()) {
      yaml.refuse(entry.key_node, fmt::format("{} is no parameter; it belongs at the recipe's top level", entry.key));
    } else {
      refuse_unknown(yaml, entry, "parameters", known_keys(whole_recipe));
    }
    if (entry.key == "rescale" && is_plain_word(entry.value, "true")) draft.rescale_true = yaml.place(entry.key_node);
    if (row != nullptr) draft.places[prefix + "." + entry.key] = yaml.place(entry.key_node);
  }
}

}  // namespace dare::recipe
