#pragma once
/// A manifest's resolved recipe, as a recipe again.

#include <dare/recipe/recipe.hpp>

#include <filesystem>
#include <string>

namespace dare::recipe {

/// The recipe whose recipe_json is `json`, checked as one that a user wrote is. Pure.
/// @param where   names it in messages.
/// @param folder  relative paths are relative to it.
/// @param overrides  put over it.
/// @throws InputError  it is none.
/// @throws UsageError  the overrides do not go with it.
[[nodiscard]] Recipe recipe_from_json(const std::string& json, const std::string& where, const std::filesystem::path& folder,
                                      const Overrides& overrides = {});

/// The same as the text of a recipe file. Pure.
[[nodiscard]] std::string recipe_text(const std::string& json);

}  // namespace dare::recipe
