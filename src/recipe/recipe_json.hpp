#pragma once
/// The resolved recipe as the manifest keeps it.

#include <dare/merge/method.hpp>
#include <dare/recipe/recipe.hpp>

#include <string>

namespace dare::recipe {

/// All that the output depends on besides the inputs' bytes, defaults spelled out, in a fixed order: recipes that mean the same give the
/// same text. Paths are as given. Parameters that the method does not take are left out. Pure.
[[nodiscard]] std::string recipe_json(const Recipe& recipe, const merge::Method& method);

}  // namespace dare::recipe
