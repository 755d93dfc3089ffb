#include "recipe/recipe_json.hpp"

#include "core/json_text.hpp"
#include "recipe/effective.hpp"
#include "recipe/names.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/policy_table.hpp"

#include <nlohmann/json.hpp>

#include <type_traits>

namespace dare::recipe {
namespace {

using Json = nlohmann::ordered_json;

Json value_json(const Setting::Part& part) {
  return part.values.size() == 1 ? Json(part.values.front()) : Json(part.values);
}

bool is_constant(const Setting::Part& part) {
  return part.filter.empty();
}

template <class T>
Json value_json(const T& value) {
  if constexpr (std::is_enum_v<T>) return word_for(words_of(T{}), value);
  else return value;
}

// A value alone where it holds for every tensor; else the list of parts.
Json value_json(const Setting& setting) {
  if (is_constant(setting.parts.front())) return value_json(setting.parts.front());
  auto parts = Json::array();
  for (const auto& part : setting.parts) {
    Json entry;
    if (!part.filter.empty()) entry["filter"] = part.filter;
    entry["value"] = value_json(part);
    parts.push_back(std::move(entry));
  }
  return parts;
}

void add_rate(const RateSetting& rate, Json& into) {
  const auto key = [](const RateSetting::Part& part) { return part.density ? k_density : k_drop_rate; };
  const auto& first = rate.parts.front();
  if (is_constant(first.part)) {
    into[key(first)] = value_json(first.part);
    return;
  }
  auto parts = Json::array();
  for (const auto& part : rate.parts) {
    Json entry;
    if (!part.part.filter.empty()) entry["filter"] = part.part.filter;
    entry[key(part)] = value_json(part.part);
    parts.push_back(std::move(entry));
  }
  into["rate"] = std::move(parts);
}

Json model_json(const Recipe& recipe, const merge::Method& method, const ModelEntry& model) {
  const auto effective = effective_model(recipe, method, model);
  Json json{{"model", model.written}};
  if (draws(method) && recipe.compat != merge::Compat::mergelm) json["stream"] = model.stream;
  for_each_value(effective, [&](const auto& row, const auto& value, auto) {
    if (!takes(method, row)) return;
    if (row.key == k_drop_rate) add_rate(effective.rate, json);
    else if (value) json[row.key] = value_json(*value);
  });
  if (model.auxiliary) json[key_of(auxiliary(method))] = model.auxiliary->written;
  return json;
}

Json parameters_json(const Recipe& recipe, const merge::Method& method) {
  const auto effective = effective_method(recipe, method);
  auto json = Json::object();
  for_each_value(effective, [&](const auto& row, const auto& value, auto) {
    if (takes(method, row)) json[row.key] = value_json(*value);
  });
  return json;
}

}  // namespace

std::string recipe_json(const Recipe& recipe, const merge::Method& method) {
  auto models = Json::array();
  for (const auto& model : recipe.models) models.push_back(model_json(recipe, method, model));
  const auto dtype = recipe.output_dtype();
  Json json{{"merge_method", method.name}, {"base_model", recipe.base ? Json(recipe.base->written) : Json()},
            {"models", std::move(models)}, {"parameters", parameters_json(recipe, method)},
            {"seed", recipe.seed},         {"out_dtype", dtype ? Json(name(*dtype)) : Json()},
            {"exclude", recipe.exclude}};
  for_each_policy(
      [&]<class Enum>(const PolicyRow& row, Enum Recipe::*member) { json[row.key] = word_for(words_of(Enum{}), recipe.*member); });
  if (recipe.compat == merge::Compat::mergelm) json["tensor_order"] = recipe.tensor_order;
  // Paths may hold any bytes, JSON text only UTF-8.
  return json_text(json);
}

}  // namespace dare::recipe
