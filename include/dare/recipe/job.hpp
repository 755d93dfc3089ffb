#pragma once
/// A recipe held against the checkpoints' headers: what happens to every tensor. Plain value; every rank computes the same one.

#include <dare/checkpoint/header.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/recipe/recipe.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::recipe {

/// One output tensor.
struct TensorTask {
  enum class Action : std::uint8_t {
    copy,     ///< the base's bytes as they are
    convert,  ///< the base's values in another float type
    merge,    ///< the method
  };
  /// A model's tensor that takes part: for `merge`, parallel to settings.models; for `copy`, tensors that must equal the base's.
  struct Input {
    std::uint32_t model = 0;   ///< position in the recipe
    std::uint32_t tensor = 0;  ///< position in that model's header
  };

  Action action = Action::copy;
  std::uint32_t tensor = 0;  ///< position in the base's header; tasks are in that order
  merge::TensorSettings settings;  ///< for `copy` and `convert` only name, base_dtype, out_dtype and overflow matter
  std::vector<Input> inputs;
};

struct MergeJob {
  std::vector<TensorTask> tasks;
  std::string recipe_json;           ///< the resolved recipe for the manifest: every default spelled out, paths as given
  std::vector<std::string> notes;    ///< what a user should know before it starts, one line each
};

/// Checks everything that headers can show and decides every tensor's action and settings. Pure.
/// @param models  in the order of recipe.models.
/// @throws Error  lists all problems: missing tensors, other shapes, integer against float, quantised checkpoints, sums of weights near 0.
[[nodiscard]] MergeJob resolve(const Recipe& recipe, const checkpoint::Header& base, const std::vector<checkpoint::Header>& models);

}  // namespace dare::recipe
