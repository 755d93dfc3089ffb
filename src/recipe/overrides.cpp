#include "recipe/draft.hpp"

#include "recipe/names.hpp"

#include <fmt/format.h>

#include <set>

namespace dare::recipe {
namespace {

/// Puts options over a draft, with the option's name as the place of what it gives.
class Overriding {
 public:
  Overriding(Draft& draft, Problems& problems) : draft_{draft}, problems_{problems} {}

  void refuse(std::string_view option, const std::string& text) {
    auto line = fmt::format("{}: {}", option, text);
    if (said_.insert(line).second) problems_.usage(std::move(line));  // an option for all models is wrong once
  }
  void given(const std::string& key, std::string_view option) { draft_.places[key] = option; }
  void retract(const std::string& key) { draft_.places.erase(key); }

  // A list given once for all models, or once a model.
  template <class T, class Set>
  void each_model(const std::vector<T>& values, std::string_view option, std::string_view key, const Set& set) {
    if (values.empty()) return;
    auto& models = draft_.recipe.models;
    if (values.size() != 1 && values.size() != models.size()) {
      return refuse(option, fmt::format("given {} times for {} model{}; give it once for all, or once a model", values.size(),
                                        models.size(), models.size() == 1 ? "" : "s"));
    }
    for (std::size_t k = 0; k < models.size(); ++k) {
      given(fmt::format("{}.{}", model_key(k), key), option);
      set(k, values[values.size() == 1 ? 0 : k]);
    }
  }

  bool within(double value, const Range& range, std::string_view option) {
    if (value >= range.low && value <= range.high) return true;
    refuse(option, fmt::format("{} is outside {}", value, range.text));
    return false;
  }

  template <class Enum, std::size_t N>
  void choose(const std::optional<std::string>& word, std::string_view key, std::string_view option, const Words<Enum, N>& words,
              std::optional<Enum>& into) {
    if (!word) return;
    into = value_of(words, *word);
    given(std::string{key}, option);
    if (!into) refuse(option, fmt::format("expected {}, found \"{}\"", one_of(words), *word));
  }
  template <class Enum, std::size_t N>
  void choose(const std::optional<std::string>& word, std::string_view key, std::string_view option, const Words<Enum, N>& words,
              Enum& into) {
    std::optional<Enum> chosen;
    choose(word, key, option, words, chosen);
    if (chosen) into = *chosen;
  }

 private:
  Draft& draft_;
  Problems& problems_;
  std::set<std::string> said_;
};

void apply_models(const Overrides& overrides, Draft& draft, Overriding& over) {
  if (overrides.models.empty()) return;
  auto& models = draft.recipe.models;
  if (models.empty()) {
    models.resize(overrides.models.size());
    draft.streams.resize(models.size());
  }
  if (models.size() != overrides.models.size()) {
    return over.refuse("--model", fmt::format("given {} times, the recipe has {} models; give as many, or change the recipe",
                                              overrides.models.size(), models.size()));
  }
  for (std::size_t k = 0; k < models.size(); ++k) {
    static_cast<Source&>(models[k]) = source_at(overrides.models[k], {});
    over.given(model_key(k), "--model");
  }
}

void apply_rates(const Overrides& overrides, Draft& draft, Overriding& over) {
  auto& models = draft.recipe.models;
  if (!overrides.drop_rate.empty() && !overrides.density.empty()) {
    return over.refuse("--drop-rate", "given beside --density; density is 1 - drop_rate, give one");
  }
  // A rate of the command line replaces the recipe's, whichever way that was given.
  over.each_model(overrides.drop_rate, "--drop-rate", "drop_rate", [&](std::size_t k, double value) {
    if (!over.within(value, k_share, "--drop-rate")) return;
    models[k].parameters.drop_rate = Setting::constant(value);
    models[k].parameters.density.reset();
    over.retract(model_key(k) + ".density");
  });
  over.each_model(overrides.density, "--density", "density", [&](std::size_t k, double value) {
    if (!over.within(value, k_share, "--density")) return;
    models[k].parameters.density = Setting::constant(value);
    models[k].parameters.drop_rate.reset();
    over.retract(model_key(k) + ".drop_rate");
  });
}

void apply_model_options(const Overrides& overrides, Draft& draft, Overriding& over) {
  auto& models = draft.recipe.models;
  over.each_model(overrides.weight, "--weight", "weight", [&](std::size_t k, double value) {
    if (over.within(value, k_finite, "--weight")) models[k].parameters.weight = Setting::constant(value);
  });
  over.each_model(overrides.stream, "--stream", "stream", [&](std::size_t k, std::uint64_t value) { draft.streams[k] = value; });
  if (overrides.rescale) {
    over.choose(overrides.rescale, "parameters.rescale", "--rescale", k_rescale, draft.recipe.parameters.rescale);
    for (auto& model : models) model.parameters.rescale.reset();
  }
}

void apply_method_options(const Overrides& overrides, Draft& draft, Overriding& over) {
  auto& parameters = draft.recipe.method_parameters;
  const auto setting = [&](const std::optional<double>& value, const std::string& key, const std::string& option, const Range& range,
                           std::optional<Setting>& into) {
    if (!value || !over.within(*value, range, option)) return;
    into = Setting::constant(*value);
    over.given("parameters." + key, option);
  };
  setting(overrides.lambda, "lambda", "--lambda", k_finite, parameters.lambda);
  setting(overrides.t, "t", "--t", k_share, parameters.t);
  if (overrides.normalize) {
    parameters.normalize = overrides.normalize;
    over.given("parameters.normalize", "--normalize");
  }
  over.choose(overrides.sign, "parameters.sign", "--sign", k_sign, parameters.sign);
  over.choose(overrides.scope, "parameters.scope", "--scope", k_scope, parameters.scope);
}

void apply_policies(const Overrides& overrides, Draft& draft, Overriding& over) {
  auto& recipe = draft.recipe;
  over.choose(overrides.missing, "missing", "--missing", k_missing, recipe.missing);
  over.choose(overrides.rows, "rows", "--rows", k_rows, recipe.rows);
  over.choose(overrides.nonfinite, "nonfinite", "--nonfinite", k_nonfinite, recipe.nonfinite);
  over.choose(overrides.overflow, "overflow", "--overflow", k_overflow, recipe.overflow);
  over.choose(overrides.rounding, "rounding", "--rounding", k_rounding, recipe.rounding);
  over.choose(overrides.compat, "compat", "--compat", k_compat, recipe.compat);
}

}  // namespace

void apply(const Overrides& overrides, Draft& draft, Problems& problems) {
  auto& recipe = draft.recipe;
  Overriding over{draft, problems};
  if (overrides.method) {
    recipe.method = *overrides.method;
    over.given("merge_method", "--method");
  }
  if (overrides.base) {
    recipe.base = source_at(*overrides.base, {});
    over.given("base_model", "--base");
  }
  if (overrides.seed) recipe.seed = *overrides.seed;
  if (!overrides.exclude.empty()) {
    recipe.exclude = overrides.exclude;
    over.given("exclude", "--exclude");
  }
  if (overrides.dtype) {
    recipe.out_dtype = dtype_from_user(*overrides.dtype);
    if (!recipe.out_dtype || !is_floating(*recipe.out_dtype)) {
      over.refuse("--dtype", fmt::format("expected a float type such as BF16, F16 or F32, found \"{}\"", *overrides.dtype));
    }
  }
  apply_models(overrides, draft, over);
  apply_rates(overrides, draft, over);
  apply_model_options(overrides, draft, over);
  apply_method_options(overrides, draft, over);
  apply_policies(overrides, draft, over);
}

}  // namespace dare::recipe
