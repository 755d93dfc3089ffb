#pragma once
/// A recipe and the headers of all checkpoints that it names.

#include <dare/checkpoint/header.hpp>
#include <dare/core/error.hpp>
#include <dare/recipe/recipe.hpp>

#include <string_view>
#include <vector>

namespace dare::pipeline {

/// What rank 0 reads and all ranks need.
struct Sources {
  recipe::Recipe recipe;
  checkpoint::Header frame;  ///< of recipe.frame()
  std::vector<checkpoint::Header> models;
  std::vector<checkpoint::Header> auxiliaries;
  template <class A>
  void archive(A& a) {
    a(recipe, frame, models, auxiliaries);
  }
};

/// Reads and checks the headers; no weight is read. Local.
/// @param relative_to  what messages call the folder in which relative paths are looked for.
/// @throws Error  every problem of every input at once.
[[nodiscard]] Sources read_sources(recipe::Recipe recipe, std::string_view relative_to = "the recipe's folder");

/// The same with the problems told to the caller. What the recipe does not name, as it was not understood, is passed over. @return where
/// there are problems, headers of what could be read; of the rest they are empty.
[[nodiscard]] Sources read_sources(recipe::Recipe recipe, Problems& problems, std::string_view relative_to = "the recipe's folder");

}  // namespace dare::pipeline
