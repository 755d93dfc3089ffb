#include "recipe/effective.hpp"

#include "recipe/parameter_table.hpp"

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

template <class T>
void put_behind(std::optional<T>& value, const std::optional<T>& next) {
  if (!value) value = next;
}

void put_behind(std::optional<Setting>& value, const std::optional<Setting>& next) {
  if (!next) return;
  if (!value) value.emplace();
  value->parts.insert(value->parts.end(), next->parts.begin(), next->parts.end());
  cut_unreachable(value->parts, [](const auto& part) -> const std::string& { return part.filter; });
}

// The values of `next` where, or for tensors for which, `values` has none.
template <class Holder>
void put_all_behind(Holder& values, const Holder& next) {
  for_each_value(values, [&](const auto&, auto& value, auto member) { put_behind(value, next.*member); });
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
  Parameters defaults;
  defaults.weight = Setting::constant(1);
  defaults.gamma = Setting::constant(k_gamma);
  defaults.epsilon = Setting::constant(k_epsilon);
  defaults.rescale = default_rescale(recipe, method);
  EffectiveModel effective{model.parameters, rate_of(recipe, method, model)};
  put_all_behind<Parameters>(effective, recipe.parameters);
  put_all_behind<Parameters>(effective, defaults);
  effective.drop_rate.reset();
  effective.density.reset();
  return effective;
}

MethodParameters effective_method(const Recipe& recipe, const merge::Method& method) {
  const merge::TensorSettings settings;
  MethodParameters defaults;
  defaults.lambda = Setting::constant(settings.lambda);
  defaults.t = Setting::constant(settings.t);
  defaults.select_topk = Setting::constant(settings.select_topk);
  defaults.normalize = recipe.compat == merge::Compat::mergekit ? method.mergekit_normalize : method.normalize;
  defaults.filter_wise = settings.filter_wise;
  defaults.sign = settings.sign;
  defaults.scope = settings.scope;
  defaults.max_iter = static_cast<std::uint64_t>(settings.max_iterations);
  defaults.tol = settings.tolerance;
  defaults.alpha = settings.alpha;
  auto effective = recipe.method_parameters;
  put_all_behind(effective, defaults);
  return effective;
}

}  // namespace dare::recipe
