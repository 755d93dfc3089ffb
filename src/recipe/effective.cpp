#include "recipe/effective.hpp"

#include <algorithm>

namespace dare::recipe {
namespace {

// mergekit's, where it has the method.
constexpr double k_gamma = 0.01;
constexpr double k_epsilon = 0.15;

// Parts after one that matches every tensor are never reached.
template <class Part, class FilterOf>
void cut_unreachable(std::vector<Part>& parts, const FilterOf& filter_of) {
  const auto last = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return filter_of(part).empty(); });
  if (last != parts.end()) parts.erase(last + 1, parts.end());
}

Setting chain(std::initializer_list<std::optional<Setting>> nearest_first) {
  Setting all;
  for (const auto& setting : nearest_first) {
    if (setting) all.parts.insert(all.parts.end(), setting->parts.begin(), setting->parts.end());
  }
  cut_unreachable(all.parts, [](const auto& part) -> const std::string& { return part.filter; });
  return all;
}

void append(const Parameters& parameters, RateSetting& rate) {
  if (parameters.drop_rate) {
    for (const auto& part : parameters.drop_rate->parts) rate.parts.push_back({false, part});
  }
  if (parameters.density) {
    for (const auto& part : parameters.density->parts) rate.parts.push_back({true, part});
  }
}

RateSetting rate_of(const Recipe& recipe, const merge::Method& method, const ModelEntry& model) {
  RateSetting rate;
  if (method.sparsifier == merge::Sparsifier::none) {
    rate.parts.push_back({false, {"", {0}}});
    return rate;
  }
  append(model.parameters, rate);
  append(recipe.parameters, rate);
  if (recipe.compat == merge::Compat::mergekit) rate.parts.push_back({true, {"", {1}}});
  cut_unreachable(rate.parts, [](const auto& part) -> const std::string& { return part.part.filter; });
  return rate;
}

merge::Rescale default_rescale(const Recipe& recipe, const merge::Method& method) {
  if (recipe.compat == merge::Compat::mergekit && method.rescale == merge::Rescale::expected) return merge::Rescale::l1;
  return method.rescale;
}

}  // namespace

std::optional<merge::Rate> RateSetting::at(std::string_view tensor, double depth) const {
  for (const auto& [density, part] : parts) {
    const auto value = Setting{{part}}.at(tensor, depth);
    if (value) return density ? merge::Rate::from_density(*value) : merge::Rate::from_drop(*value);
  }
  return std::nullopt;
}

EffectiveModel effective_model(const Recipe& recipe, const merge::Method& method, const ModelEntry& model) {
  const auto& own = model.parameters;
  const auto& all = recipe.parameters;
  return {chain({own.weight, all.weight, Setting::constant(1)}), rate_of(recipe, method, model),
          chain({own.gamma, all.gamma, Setting::constant(k_gamma)}), chain({own.epsilon, all.epsilon, Setting::constant(k_epsilon)}),
          own.rescale   ? *own.rescale
          : all.rescale ? *all.rescale
                        : default_rescale(recipe, method)};
}

EffectiveMethod effective_method(const Recipe& recipe, const merge::Method& method) {
  const auto& given = recipe.method_parameters;
  const merge::TensorSettings defaults;
  EffectiveMethod effective;
  effective.lambda = chain({given.lambda, Setting::constant(1)});
  effective.t = chain({given.t, Setting::constant(defaults.t)});
  effective.select_topk = chain({given.select_topk, Setting::constant(defaults.select_topk)});
  effective.normalize = given.normalize.value_or(recipe.compat == merge::Compat::mergekit ? method.mergekit_normalize : method.normalize);
  effective.filter_wise = given.filter_wise.value_or(defaults.filter_wise);
  effective.sign = given.sign.value_or(defaults.sign);
  effective.scope = given.scope.value_or(defaults.scope);
  effective.max_iterations = static_cast<int>(given.max_iter.value_or(static_cast<std::uint64_t>(defaults.max_iterations)));
  effective.tolerance = given.tol.value_or(defaults.tolerance);
  effective.alpha = given.alpha.value_or(defaults.alpha);
  return effective;
}

}  // namespace dare::recipe
