#include "sweep/equal_points.hpp"

#include "recipe/recipe_json.hpp"

#include <map>
#include <span>

namespace dare::sweep {
namespace {

// Whether a model loses nothing; of epsilon and gamma, which move the rate, nothing is said.
bool keeps_all(const nlohmann::json& model) {
  if (model.contains("epsilon") || model.contains("gamma")) return false;
  return model.value("drop_rate", nlohmann::json{}) == 0 || model.value("density", nlohmann::json{}) == 1;
}

void forget_mask(nlohmann::json& model) {
  model.erase("density");
  model["drop_rate"] = 0;
  model.erase("stream");
  if (model.value("rescale", "") != "l1") model.erase("rescale");
}

}  // namespace

Hash128 outcome_of(const std::string& recipe_json, const merge::Method& method) {
  auto recipe = nlohmann::json::parse(recipe_json);
  bool draws = recipe["rounding"] != "nearest";
  for (auto& model : recipe["models"]) {
    if (keeps_all(model)) forget_mask(model);
    else draws = draws || merge::draws(method);
  }
  if (!draws) recipe.erase("seed");
  const auto text = recipe.dump();
  return hash128(std::as_bytes(std::span{text}));
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> equal_points(const std::vector<PointKey>& keys) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> equals;
  std::map<Hash128, std::uint64_t> first;
  for (std::uint64_t i = 0; i < keys.size(); ++i) {
    const auto [one, is_new] = first.emplace(keys[i].outcome, i);
    if (!is_new) equals.emplace_back(i, one->second);
  }
  return equals;
}

std::map<std::uint64_t, std::uint64_t> given_points(const std::vector<PointKey>& keys, const std::vector<Standing>& standing) {
  std::map<Hash128, std::uint64_t> sources;
  for (const auto wanted : {Standing::done, Standing::to_do}) {
    for (std::uint64_t i = 0; i < keys.size(); ++i) {
      if (standing[i] == wanted) sources.emplace(keys[i].outcome, i);
    }
  }
  std::map<std::uint64_t, std::uint64_t> given;
  for (std::uint64_t i = 0; i < keys.size(); ++i) {
    if (standing[i] != Standing::to_do) continue;
    const auto source = sources.at(keys[i].outcome);
    if (source != i) given.emplace(i, source);
  }
  return given;
}

Record given_record(const Specification& specification, std::uint64_t point, const Family& family, Record source) {
  const auto one = specification.point(point);
  const auto recipe = specification.recipe(one);
  const auto json = recipe::recipe_json(recipe, *merge::find_method(recipe.method));
  source.point = one.name;
  source.identity = identity_of(recipe_hash(json, specification.settings()), family);
  source.settings = settings_of(one, json);
  source.times = nlohmann::ordered_json::object();
  return source;
}

}  // namespace dare::sweep
