#pragma once
/// A recipe in words, for people.

#include <dare/recipe/recipe.hpp>

#include <cstddef>
#include <string>

namespace dare::recipe {

/// What is merged: the method and what it takes, then a table of the models with their parameters, defaults put in. Keys take 17 columns,
/// as those of a plan do. A parameter that depends on the tensor is shown in short: its values' range, and how many filters or layers'
/// values it has. Pure.
/// @param columns  of the terminal, 0: no limit
[[nodiscard]] std::string describe(const Recipe& recipe, std::size_t columns);

}  // namespace dare::recipe
