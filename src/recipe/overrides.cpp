#include "recipe/overrides.hpp"

#include "recipe/names.hpp"
#include "recipe/parse.hpp"
#include "recipe/policy_table.hpp"

#include <dare/core/plural.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace dare::recipe {
namespace {

// "3 values of weight for 2 models": a list is given once for all, or once a model.
bool fits_models(std::size_t values, std::string_view key, const std::string& place, const Draft& draft, Problems& problems) {
  const auto models = draft.recipe.models.size();
  if (values == 1 || values == models) return true;
  problems.usage(
      fmt::format("{}: {} of {} for {}; give one for all, or one a model", place, plural(values, "value"), key, plural(models, "model")));
  return false;
}

template <class Enum, std::size_t N>
std::optional<Enum> chosen(const std::string& word, const std::string& place, const Words<Enum, N>& words, Problems& problems) {
  const auto value = value_of(words, word);
  if (!value) problems.usage(fmt::format("{}: expected {}, found \"{}\"", place, one_of(words), word));
  return value;
}

/// Puts a value into the member that holds it.
class Putting {
 public:
  Putting(const ParameterRow& row, const ParameterValue& value, const std::string& place, Draft& draft, Problems& problems)
      : row_{row}, value_{value}, place_{place}, draft_{draft}, problems_{problems} {}

  // A rate replaces the recipe's, whichever way that was given.
  void operator()(std::optional<Setting> Parameters::*member) const {
    const auto& values = std::get<std::vector<double>>(value_);
    if (!in_range(values) || !fits_models(values.size(), row_.key, place_, draft_, problems_)) return;
    auto& models = draft_.recipe.models;
    for (std::size_t k = 0; k < models.size(); ++k) {
      if (is_rate(row_)) {
        models[k].parameters.drop_rate.reset();
        models[k].parameters.density.reset();
        draft_.places.erase(model_key(k) + ".drop_rate");
        draft_.places.erase(model_key(k) + ".density");
      }
      models[k].parameters.*member = Setting::constant(values[values.size() == 1 ? 0 : k]);
      draft_.places[fmt::format("{}.{}", model_key(k), row_.key)] = place_;
    }
  }
  void operator()(std::optional<merge::Rescale> Parameters::*member) const {
    for (auto& model : draft_.recipe.models) (model.parameters.*member).reset();
    draft_.rescale_true.clear();
    put(word(merge::Rescale{}), draft_.recipe.parameters.*member);
  }
  template <class T>
  void operator()(std::optional<T> MethodParameters::*member) const {
    auto& into = draft_.recipe.method_parameters.*member;
    if constexpr (std::is_same_v<T, bool>) put(std::optional{std::get<bool>(value_)}, into);
    else if constexpr (std::is_enum_v<T>) put(word(T{}), into);
    else put(number(), into);
  }

 private:
  template <class Enum>
  std::optional<Enum> word(Enum any) const {
    return chosen(std::get<std::string>(value_), place_, words_of(any), problems_);
  }
  std::optional<double> number() const {
    const auto& values = std::get<std::vector<double>>(value_);
    return in_range(values) ? std::optional{values.front()} : std::nullopt;
  }
  bool in_range(const std::vector<double>& values) const {
    const auto beyond = std::find_if(values.begin(), values.end(), [&](double value) { return !row_.range.has(value); });
    if (beyond != values.end()) problems_.usage(fmt::format("{}: {}", place_, is_outside(row_.range, fmt::format("{}", *beyond), *beyond)));
    return beyond == values.end();
  }
  template <class T>
  void put(const std::optional<T>& value, std::optional<T>& into) const {
    if (!value) return;
    into = value;
    draft_.places[fmt::format("parameters.{}", row_.key)] = place_;
  }
  void put(const std::optional<double>& value, std::optional<Setting>& into) const {
    put(value ? std::optional{Setting::constant(*value)} : std::nullopt, into);
  }
  void put(const std::optional<double>& value, std::optional<std::uint64_t>& into) const {
    if (value && *value != std::floor(*value)) problems_.usage(fmt::format("{}: {} is no whole number", place_, *value));
    else put(value ? std::optional{static_cast<std::uint64_t>(*value)} : std::nullopt, into);
  }

  const ParameterRow& row_;
  const ParameterValue& value_;
  const std::string& place_;
  Draft& draft_;
  Problems& problems_;
};

void apply_models(const Overrides& overrides, Draft& draft, Problems& problems) {
  if (overrides.models.empty()) return;
  auto& models = draft.recipe.models;
  if (models.empty()) {
    models.resize(overrides.models.size());
    draft.streams.resize(models.size());
  }
  if (models.size() != overrides.models.size()) {
    problems.usage(fmt::format("--model: given {} times, the recipe has {} models; give as many, or change the recipe",
                               overrides.models.size(), models.size()));
    for (auto& model : models) static_cast<Source&>(model) = {};  // those of the recipe are not meant
    return;
  }
  for (std::size_t k = 0; k < models.size(); ++k) {
    static_cast<Source&>(models[k]) = source_at(overrides.models[k], {});
    draft.places[model_key(k)] = "--model";
  }
}

void apply_parameters(const Overrides& overrides, Draft& draft, Problems& problems) {
  const auto& given = overrides.parameters;
  if (given.contains(k_drop_rate) && given.contains(k_density)) {
    problems.usage("--drop-rate: given beside --density; density is 1 - drop_rate, give one");
    return;
  }
  for (const auto& row : parameters()) {
    const auto found = given.find(row.key);
    if (found == given.end()) continue;
    const auto* const yes = std::get_if<bool>(&found->second);
    put(row, found->second, (yes != nullptr && !*yes ? "--no-" : "--") + option_of(row), draft, problems);
  }
}

void apply_streams(const std::vector<std::uint64_t>& streams, Draft& draft, Problems& problems) {
  const std::string option = "--stream";
  if (streams.empty() || !fits_models(streams.size(), "stream", option, draft, problems)) return;
  for (std::size_t k = 0; k < draft.streams.size(); ++k) {
    draft.streams[k] = streams[streams.size() == 1 ? 0 : k];
    draft.places[model_key(k) + ".stream"] = option;
  }
}

void apply_policies(const Overrides& overrides, Draft& draft, Problems& problems) {
  for_each_policy([&]<class Enum>(const PolicyRow& row, Enum Recipe::*member) {
    const auto given = overrides.policies.find(row.key);
    if (given == overrides.policies.end()) return;
    const auto option = fmt::format("--{}", row.key);
    draft.places[given->first] = option;
    if (const auto value = chosen(given->second, option, words_of(Enum{}), problems)) draft.recipe.*member = *value;
  });
}

}  // namespace

void put(const ParameterRow& row, const ParameterValue& value, const std::string& place, Draft& draft, Problems& problems) {
  std::visit(Putting{row, value, place, draft, problems}, row.member);
}

void apply(const Overrides& overrides, Draft& draft, Problems& problems) {
  auto& recipe = draft.recipe;
  if (overrides.method) {
    recipe.method = *overrides.method;
    draft.places["merge_method"] = "--method";
  }
  if (overrides.base) {
    recipe.base = source_at(*overrides.base, {});
    draft.places["base_model"] = "--base";
  }
  if (overrides.seed) {
    recipe.seed = *overrides.seed;
    draft.places["seed"] = "--seed";
  }
  if (!overrides.exclude.empty()) {
    recipe.exclude = overrides.exclude;
    draft.places["exclude"] = "--exclude";
  }
  if (overrides.dtype) {
    recipe.out_dtype = dtype_from_user(*overrides.dtype);
    if (!recipe.out_dtype || !is_floating(*recipe.out_dtype)) {
      problems.usage(fmt::format("--dtype: expected a float type such as BF16, F16 or F32, found \"{}\"", *overrides.dtype));
    }
  }
  apply_models(overrides, draft, problems);
  apply_parameters(overrides, draft, problems);
  apply_streams(overrides.stream, draft, problems);
  apply_policies(overrides, draft, problems);
}

}  // namespace dare::recipe
