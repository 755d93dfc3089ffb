#include "recipe/check.hpp"

#include "core/pattern.hpp"
#include "core/printable.hpp"
#include "merge/rounding.hpp"
#include "recipe/parameter_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

namespace dare::recipe {
namespace {

using merge::Parameter;

std::string taken_by(const merge::Method& method) {
  std::string all;
  for (const auto& row : parameters()) {
    if (row.taken_as && takes(method, row)) all += fmt::format("{}{}", all.empty() ? "" : ", ", row.key);
  }
  return all.empty() ? "none" : all;
}

// Whether every value that the setting can have is `value`.
bool is_all(const std::optional<Setting>& setting, double value) {
  return !setting || std::all_of(setting->parts.begin(), setting->parts.end(), [&](const auto& part) {
    return std::all_of(part.values.begin(), part.values.end(), [&](double x) { return x == value; });
  });
}

std::string key_after_dot(const std::string& place) {
  return place.substr(place.rfind('.') + 1);
}

}  // namespace

void Check::refuse(const std::string& key, const std::string& text) const {
  auto line = fmt::format("{}: {}", draft_.place(key), text);
  const auto& said = problems_.texts();  // an option without a list is every model's
  if (std::find(said.begin(), said.end(), line) == said.end()) problems_.usage(std::move(line));
}

void Check::run() const {
  parameters_taken();
  rates();
  auxiliaries();
  patterns();
  policies();
  tensor_order();
  if (recipe_.compat == merge::Compat::mergelm) mergelm();
}

void Check::parameters_taken() const {
  for (const auto& [place, unused] : draft_.places) {
    const auto name = key_after_dot(place);
    const auto* const row = place == name ? nullptr : find_parameter(name);
    if (row == nullptr || !row->taken_as || takes(method_, *row)) continue;
    if (row->taken_as == Parameter::normalize && averages_models(method_)) continue;  // they always do
    refuse(place, fmt::format("{} has no {}; it takes: {}", method_.name, name, taken_by(method_)));
  }
  const auto& normalize = recipe_.method_parameters.normalize;
  if (averages_models(method_) && normalize && !*normalize) {
    refuse("parameters.normalize", fmt::format("{} divides by the sum of the weights; normalize: false is not supported", method_.name));
  }
  if (takes(method_, Parameter::t) && !recipe_.method_parameters.t) {
    refuse("merge_method", fmt::format("{} needs t; give it under parameters, or with --t", method_.name));
  }
}

void Check::rates() const {
  if (method_.sparsifier == merge::Sparsifier::none) {
    rates_of_no_sparsifier(recipe_.parameters, "parameters");
    for (std::size_t k = 0; k < recipe_.models.size(); ++k) rates_of_no_sparsifier(recipe_.models[k].parameters, model_key(k));
    return;
  }
  const auto given = [](const Parameters& parameters) { return parameters.drop_rate || parameters.density; };
  if (given(recipe_.parameters) || recipe_.compat == merge::Compat::mergekit) return;  // mergekit's density is 1 by default
  for (std::size_t k = 0; k < recipe_.models.size(); ++k) {
    if (skipped_[k] || given(recipe_.models[k].parameters)) continue;
    refuse(model_key(k), fmt::format("{}: {} needs a drop_rate or a density", recipe_.models[k].written, method_.name));
  }
}

void Check::rates_of_no_sparsifier(const Parameters& parameters, const std::string& prefix) const {
  if (!is_all(parameters.drop_rate, 0)) {
    refuse(prefix + ".drop_rate", fmt::format("{} drops nothing: drop_rate can only be 0; choose a method that drops", method_.name));
  }
  if (!is_all(parameters.density, 1)) {
    refuse(prefix + ".density", fmt::format("{} drops nothing: density can only be 1; choose a method that drops", method_.name));
  }
}

void Check::auxiliaries() const {
  const std::string wanted{key_of(auxiliary(method_))};
  for (std::size_t k = 0; k < recipe_.models.size(); ++k) {
    for (const auto each : merge::k_auxiliaries) {
      const auto name = key_of(each);
      const auto key = fmt::format("{}.{}", model_key(k), name);
      if (draft_.gives(key) && name != wanted) refuse(key, fmt::format("{} uses no {}", method_.name, name));
    }
    if (!wanted.empty() && !draft_.gives(model_key(k) + "." + wanted)) {
      refuse(model_key(k), fmt::format("{}: {} needs a checkpoint under {}", recipe_.models[k].written, method_.name, wanted));
    }
  }
}

void Check::patterns() const {
  for (const auto& pattern : recipe_.exclude) {
    try {
      (void)compile_pattern(pattern);
    } catch (const UsageError& error) { refuse("exclude", fmt::format("exclude: {}", error.what())); }
  }
}

void Check::policies() const {
  if (recipe_.missing == Missing::base && !recipe_.base) refuse("missing", "missing: base needs a base_model; set missing: error or skip");
  if (recipe_.missing == Missing::base && auxiliary(method_) != merge::Auxiliary::none) {
    refuse("missing", fmt::format("{} cannot weigh a base that stands in for a model; set missing: error or skip", method_.name));
  }
  for (std::size_t k = 0; k < recipe_.models.size(); ++k) {
    if (recipe_.rounding == merge::Rounding::stochastic && recipe_.models[k].stream == merge::k_rounding_stream) {
      refuse(model_key(k) + ".stream", fmt::format("stream {} is that of stochastic rounding; choose another", merge::k_rounding_stream));
    }
  }
}

void Check::tensor_order() const {
  const auto& order = recipe_.tensor_order;
  if (!order.empty() && recipe_.compat != merge::Compat::mergelm) {
    refuse("tensor_order", "tensor_order has no effect without compat: mergelm; leave it out");
  }
  std::set<std::string_view> seen;
  for (const auto& name : order) {
    if (!seen.insert(name).second) refuse("tensor_order", fmt::format("tensor_order names {} twice", in_quotes(name)));
  }
}

// The paper's official code knows one weight, λ, and one stream.
void Check::mergelm() const {
  if (method_.sparsifier != merge::Sparsifier::dare || method_.combiner != merge::Combiner::task_arithmetic) {
    refuse("compat", fmt::format("compat: mergelm is for dare_linear, found {}", method_.name));
  }
  const auto of = [&](const Parameters& parameters, const std::string& prefix) {
    if (!is_all(parameters.weight, 1)) refuse(prefix + ".weight", "compat: mergelm scales by lambda alone; weight can only be 1");
    if (parameters.rescale && *parameters.rescale != merge::Rescale::expected) {
      refuse(prefix + ".rescale", "compat: mergelm rescales by 1/(1 - drop_rate); rescale can only be expected");
    }
  };
  of(recipe_.parameters, "parameters");
  for (std::size_t k = 0; k < recipe_.models.size(); ++k) {
    of(recipe_.models[k].parameters, model_key(k));
    if (draft_.gives(model_key(k) + ".stream")) refuse(model_key(k) + ".stream", "compat: mergelm has one stream; leave it out");
  }
  if (recipe_.method_parameters.normalize.value_or(false)) refuse("parameters.normalize", "compat: mergelm does not normalize");
  if (recipe_.seed > std::numeric_limits<std::uint32_t>::max()) {
    refuse("seed", fmt::format("compat: mergelm seeds MT19937 with 32 bits; {} is above 4294967295", recipe_.seed));
  }
  if (recipe_.missing != Missing::error) refuse("missing", "compat: mergelm draws for every tensor; missing can only be error");
  if (recipe_.rows != Rows::error) refuse("rows", "compat: mergelm draws for every tensor; rows can only be error");
}

}  // namespace dare::recipe
