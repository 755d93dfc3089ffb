#include "recipe/draft.hpp"

#include "recipe/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dare::recipe {
namespace {

constexpr Range k_not_negative{0, k_finite.high, "the finite numbers from 0"};
constexpr std::uint64_t k_most_iterations = 1'000'000;

const std::vector<std::string_view> k_model_keys{"weight", "drop_rate", "density", "rescale", "gamma", "epsilon"};
const std::vector<std::string_view> k_method_keys{"lambda",   "normalize", "sign",        "scope", "t",        "select_topk",
                                                  "max_iter", "tol",       "filter_wise", "alpha", "int8_mask"};

bool contains(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::vector<std::string_view> all_keys() {
  auto keys = k_model_keys;
  keys.insert(keys.end(), k_method_keys.begin(), k_method_keys.end());
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

// mergekit's true and false, or the rescale's name.
std::optional<merge::Rescale> read_rescale(YamlReader& yaml, const YAML::Node& node, merge::Compat compat) {
  if (node.IsScalar() && node.Tag() != "!") {
    if (node.Scalar() == "true") return compat == merge::Compat::mergekit ? merge::Rescale::l1 : merge::Rescale::expected;
    if (node.Scalar() == "false") return merge::Rescale::none;
  }
  return yaml.choice(node, "rescale", k_rescale);
}

std::optional<double> read_number(YamlReader& yaml, const YamlReader::Entry& entry, const Range& range) {
  return yaml.number(entry.value, entry.key, range);
}

std::optional<std::uint64_t> read_iterations(YamlReader& yaml, const YamlReader::Entry& entry) {
  const auto value = yaml.whole(entry.value, entry.key);
  if (!value || (*value >= 1 && *value <= k_most_iterations)) return value;
  yaml.refuse(entry.value, fmt::format("{}: {} is outside [1, {}]", entry.key, *value, k_most_iterations));
  return std::nullopt;
}

void read_model_parameter(YamlReader& yaml, const YamlReader::Entry& entry, merge::Compat compat, Parameters& into) {
  const auto setting = [&](const Range& range) { return read_setting(yaml, entry.value, entry.key, range); };
  if (entry.key == "weight") into.weight = setting(k_finite);
  if (entry.key == "drop_rate") into.drop_rate = setting(k_share);
  if (entry.key == "density") into.density = setting(k_share);
  if (entry.key == "gamma") into.gamma = setting(k_share);
  if (entry.key == "epsilon") into.epsilon = setting(k_share);
  if (entry.key == "rescale") into.rescale = read_rescale(yaml, entry.value, compat);
}

void read_method_parameter(YamlReader& yaml, const YamlReader::Entry& entry, MethodParameters& into, Draft& draft) {
  const auto setting = [&](const Range& range) { return read_setting(yaml, entry.value, entry.key, range); };
  if (entry.key == "lambda") into.lambda = setting(k_finite);
  if (entry.key == "t") into.t = setting(k_share);
  if (entry.key == "select_topk") into.select_topk = setting(k_share);
  if (entry.key == "normalize") into.normalize = yaml.boolean(entry.value, entry.key);
  if (entry.key == "filter_wise") into.filter_wise = yaml.boolean(entry.value, entry.key);
  if (entry.key == "sign") into.sign = yaml.choice(entry.value, entry.key, k_sign);
  if (entry.key == "scope") into.scope = yaml.choice(entry.value, entry.key, k_scope);
  if (entry.key == "max_iter") into.max_iter = read_iterations(yaml, entry);
  if (entry.key == "tol") into.tol = read_number(yaml, entry, k_not_negative);
  if (entry.key == "alpha") into.alpha = read_number(yaml, entry, k_share);
  if (entry.key == "int8_mask" && yaml.boolean(entry.value, entry.key).value_or(false)) {
    draft.recipe.notes.push_back(fmt::format("{}: int8_mask has no effect: masks are not stored here", yaml.place(entry.value)));
  }
}

// drop_rate and density are two ways to say one thing.
void refuse_second_rate(YamlReader& yaml, const YamlReader::Entry& entry, const std::string& prefix, const Draft& draft) {
  if (entry.key != "drop_rate" && entry.key != "density") return;
  const std::string other = entry.key == "density" ? "drop_rate" : "density";
  const auto found = draft.places.find(prefix + "." + other);
  if (found == draft.places.end()) return;
  yaml.refuse(entry.key_node, fmt::format("{} is given beside {} of line {}; density is 1 - drop_rate, give one", entry.key, other,
                                          found->second.substr(found->second.rfind(':') + 1)));
}

}  // namespace

bool is_parameter(std::string_view key) noexcept {
  return contains(k_model_keys, key) || contains(k_method_keys, key);
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

void read_parameters(YamlReader& yaml, const YAML::Node& node, const std::string& prefix, Parameters& parameters, MethodParameters* method,
                     Draft& draft) {
  if (node.IsNull()) return;
  for (const auto& entry : yaml.mapping(node, "parameters")) {
    const bool of_model = contains(k_model_keys, entry.key);
    const bool of_method = contains(k_method_keys, entry.key);
    if (of_model) {
      read_model_parameter(yaml, entry, draft.recipe.compat, parameters);
    } else if (of_method && method != nullptr) {
      read_method_parameter(yaml, entry, *method, draft);
    } else if (of_method) {
      yaml.refuse(entry.key_node, fmt::format("{} is one value for all models; move it to the recipe's own parameters", entry.key));
    } else if (contains(recipe_keys(), entry.key)) {
      yaml.refuse(entry.key_node, fmt::format("{} is no parameter; it belongs at the recipe's top level", entry.key));
    } else {
      refuse_unknown(yaml, entry, "parameters", method != nullptr ? all_keys() : k_model_keys);
    }
    if (of_model) refuse_second_rate(yaml, entry, prefix, draft);
    if (of_model || of_method) draft.places[prefix + "." + entry.key] = yaml.place(entry.key_node);
  }
}

}  // namespace dare::recipe
