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

/// One model's parameters with the recipe's and the defaults behind them; all are there.
struct EffectiveModel : Parameters {
  RateSetting rate;  ///< in place of drop_rate and density; nothing applies where a tensor matches no filter
};
[[nodiscard]] EffectiveModel effective_model(const Recipe& recipe, const merge::Method& method, const ModelEntry& model);

/// The method's parameters with the defaults behind them; all are there.
[[nodiscard]] MethodParameters effective_method(const Recipe& recipe, const merge::Method& method);

}  // namespace dare::recipe
