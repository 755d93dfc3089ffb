#pragma once
/// Paths of inputs that users write as other programs take them.

#include <dare/recipe/recipe.hpp>

namespace dare::pipeline {

/// Refuses what is not there, and one shard of several, whose other tensors a merge would leave out. Local.
/// @throws InputError  with what to do: for a name on the Hub, a path relative to a recipe, mergekit's MODEL+ADAPTER, a shard.
void check_source(const recipe::Source& source);

}  // namespace dare::pipeline
