#pragma once
/// Delta checkpoints instead of outputs: of each product a folder with one of every model, and the recipe that merges them.

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/product_delta_cost.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/recipe/recipe.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::pipeline {

inline constexpr auto k_delta_recipe = "recipe.yml";  ///< in a product's folder: dare-merge makes the output of it

/// What became of one product.
struct DeltaOutcome {
  std::optional<comm::AgreedError> refusal;  ///< why its folder could not take its place
  std::uint64_t bytes = 0;                   ///< of its delta checkpoints
};

/// Writes the folders of all products; each model is read once. Collective.
/// @param recipes  of the products.  @param ending  of a delta checkpoint's name: it decides on the format, as an output's does.
/// @return of each product, in their order; the same on all ranks.
/// @throws comm::AgreedError  nothing could be finished, or a signal came.
[[nodiscard]] std::vector<DeltaOutcome> write_product_deltas(const Work& work, const std::vector<const recipe::Recipe*>& recipes,
                                                             std::string_view ending, const RunOptions& options,
                                                             const comm::Communicator& world);

}  // namespace dare::pipeline
