#pragma once
/// What options and sweeps put over a draft.

#include "recipe/draft.hpp"
#include "recipe/parameter_table.hpp"

#include <string>

namespace dare::recipe {

/// Puts a parameter, as an option or a sweep gives it, in the place of what the draft says. `place` is where it was given.
void put(const ParameterRow& row, const ParameterValue& value, const std::string& place, Draft& draft, Problems& problems);

/// Puts the command line over the recipe.
void apply(const Overrides& overrides, Draft& draft, Problems& problems);

}  // namespace dare::recipe
