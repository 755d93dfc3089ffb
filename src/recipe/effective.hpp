#pragma once
/// What a recipe says about one model and one tensor, once model, recipe and defaults are put together.

#include <dare/merge/method.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/recipe/recipe.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace dare::recipe {

/// A drop rate that may depend on the tensor; each part says which of the two was written.
struct RateSetting {
  struct Part {
    bool density = false;
    Setting::Part part;
  };
  std::vector<Part> parts;
  [[nodiscard]] std::optional<merge::Rate> at(std::string_view tensor, double depth) const;
};

/// One model's parameters with the recipe's and the defaults behind them.
struct EffectiveModel {
  Setting weight;
  RateSetting rate;  ///< nothing applies where a tensor matches no filter
  Setting gamma;
  Setting epsilon;
  merge::Rescale rescale = merge::Rescale::none;
};
[[nodiscard]] EffectiveModel effective_model(const Recipe& recipe, const merge::Method& method, const ModelEntry& model);

/// The method's parameters with the defaults behind them.
struct EffectiveMethod {
  Setting lambda;
  Setting t;
  Setting select_topk;
  bool normalize = false;
  bool filter_wise = false;
  merge::Sign sign = merge::Sign::weighted;
  merge::Scope scope = merge::Scope::tensor;
  int max_iterations = 0;
  double tolerance = 0;
  double alpha = 1;
};
[[nodiscard]] EffectiveMethod effective_method(const Recipe& recipe, const merge::Method& method);

}  // namespace dare::recipe
