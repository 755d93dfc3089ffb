#pragma once
/// From a draft to a recipe.

#include "recipe/draft.hpp"

#include <string>
#include <string_view>

namespace dare::recipe {

/// That no method has this name, and which may be meant.
[[nodiscard]] std::string unknown_method(std::string_view name);

/// Says that the method which is named is not known; nothing where none is named.
void check_method_name(const Draft& draft, Problems& problems);

/// Fills in what follows from the rest (streams, the base among the models) and checks what needs no checkpoint.
void finish(Draft& draft, Problems& problems);

}  // namespace dare::recipe
