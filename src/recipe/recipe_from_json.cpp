#include "recipe/recipe_from_json.hpp"

#include "core/json_fields.hpp"
#include "recipe/parameter_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace dare::recipe {
namespace {

using Json = nlohmann::ordered_json;

void move_member(Json& from, std::string_view key, Json& into) {
  if (from.contains(key)) into[key] = std::move(from[key]);
  from.erase(key);
}

// Parts of one kind as a recipe writes them; the parts are erased from the front of `rate`.
Json leading_parts(Json& rate, const std::string& kind) {
  auto parts = Json::array();
  while (!rate.empty() && rate.front().contains(kind)) {
    auto part = std::move(rate.front());
    rate.erase(0);
    part["value"] = std::move(part[kind]);
    part.erase(kind);
    parts.push_back(std::move(part));
  }
  return parts;
}

// A list of parts, densities and drop rates mixed: a recipe can say that only by a model's own list of one kind with the list of all
// models, of the other kind, behind it.
void move_rate(Json& model, Json& own, Json& of_all) {
  move_member(model, k_drop_rate, own);
  move_member(model, k_density, own);
  if (!model.contains("rate")) return;
  auto rate = std::move(model["rate"]);
  model.erase("rate");
  for (auto* into : {&own, &of_all}) {
    if (rate.empty()) return;
    const std::string kind{rate.front().contains(k_density) ? k_density : k_drop_rate};
    if (auto parts = leading_parts(rate, kind); !parts.empty()) (*into)[kind] = std::move(parts);
  }
}

// What as_recipe() looks into; all else is checked as what a user wrote is.
void require_objects(const Json& list, const std::string& place) {
  for (std::size_t i = 0; i < list.size(); ++i) require_object(list[i], place_of_entry(place, i));
}

void check_structure(const Json& json) {
  const auto& models = list_field(json, "", "models");
  require_objects(models, "models");
  if (json.contains("parameters")) require_object(json["parameters"], "parameters");
  for (std::size_t k = 0; k < models.size(); ++k) {
    const auto place = place_of_entry("models", k);
    if (models[k].contains("rate")) require_objects(list_field(models[k], place, "rate"), place_of_key(place, "rate"));
  }
}

// The form of a recipe file: what belongs to a model stands under its `parameters`. @throws JsonError
Json as_recipe(Json json) {
  check_structure(json);
  auto& of_all = json["parameters"];
  for (auto& model : json["models"]) {
    Json own = Json::object();
    for (const auto& row : parameters()) {
      if (is_of_models(row) && !is_rate(row)) move_member(model, row.key, own);
    }
    move_rate(model, own, of_all);
    model["parameters"] = std::move(own);
  }
  for (const auto* key : {"base_model", "out_dtype"}) {
    if (json.contains(key) && json[key].is_null()) json.erase(key);
  }
  return json;
}

}  // namespace

Recipe recipe_from_json(const std::string& json, const std::string& where, const std::filesystem::path& folder,
                        const Overrides& overrides) {
  std::string text;
  try {
    text = json_text(as_recipe(parse_bounded<Json>(json, {})));
    (void)parse(text, where, folder, {});
  } catch (const JsonError& error) {
    throw InputError{fmt::format("{}: no recipe of a merge ({}); take the manifest from where the output came from", where, error.what())};
  } catch (const Error& error) { throw InputError{error.what()}; }
  return parse(text, where, folder, overrides);
}

std::string recipe_text(const std::string& json) {
  return json_lines(as_recipe(Json::parse(json)), 1);
}

}  // namespace dare::recipe
