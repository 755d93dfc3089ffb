#pragma once
/// Paths of inputs that users write as other programs take them.

#include <dare/recipe/recipe.hpp>

#include <filesystem>
#include <optional>
#include <string_view>

namespace dare::pipeline {

/// Of "model-00001-of-00004.safetensors" 4, the number of shards that it is one of; nothing of other names. Pure.
[[nodiscard]] std::optional<unsigned> shards_of(const std::filesystem::path& file);

/// Refuses what is not there, and a file that is but a part of a model's folder, as one shard of several. Local.
/// @param relative_to  what a message calls the folder in which a relative path is looked for.
/// @throws InputError  with what to do: for a name on the Hub, a path relative to a recipe, mergekit's MODEL+ADAPTER, a shard, a file of an
/// adapter, an index.
void check_source(const recipe::Source& source, std::string_view relative_to = "the recipe's folder");

}  // namespace dare::pipeline
