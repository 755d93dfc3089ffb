#pragma once
/// A recipe held against the checkpoints' headers: what happens to every tensor. Plain value; every rank computes the same one.

#include <dare/checkpoint/header.hpp>
#include <dare/core/shape.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/recipe/recipe.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dare::recipe {

/// One output tensor.
struct TensorTask {
  enum class Action : std::uint8_t {
    copy,     ///< the frame's bytes as they are
    convert,  ///< the frame's values in another float type
    merge,    ///< the method
  };
  /// A model's tensor that takes part: for `merge`, parallel to settings.models; for `copy`, tensors that must equal the frame's.
  struct Input {
    /// Position in the recipe; -1: the base itself, standing in for a model that lacks the tensor (`missing: base`).
    std::int32_t model = 0;
    std::uint32_t tensor = 0;  ///< position in that header
    std::optional<std::uint32_t>
        auxiliary;  ///< position in the header of that model's auxiliary checkpoint; nothing: it has no such tensor
    bool operator==(const Input&) const = default;
  };

  Action action = Action::copy;
  std::uint32_t tensor = 0;  ///< position in the frame's header; tasks are in that order
  /// Of the output: the frame's, unless `rows: extend` made the first extent longer. The frame holds settings.base_elements of its
  /// elements and a model settings.models[k].elements: there is nothing to read beyond.
  Shape shape;
  /// The combiner may be another than the method's (regmean averages where no model has a Gram matrix).
  merge::TensorSettings settings;  ///< for `copy` and `convert` only name, base_dtype, out_dtype, overflow and nonfinite matter
  std::vector<Input> inputs;
};

struct MergeJob {
  std::vector<TensorTask> tasks;
  bool has_base = true;            ///< false: the frame is the first model, and `merge` reads the inputs alone
  std::string recipe_json;         ///< the resolved recipe for the manifest: every default spelled out, paths as given
  std::vector<std::string> notes;  ///< what a user should know before it starts, one line each
};

/// Checks everything that headers can show and decides every tensor's action and settings. Pure.
/// @param frame   of recipe.frame().
/// @param models  in the order of recipe.models.
/// @param auxiliaries  in that order too, for methods that have them; else empty.
/// @throws Error  lists all problems: missing tensors, other shapes, integer against float, sums of weights near 0.
[[nodiscard]] MergeJob resolve(const Recipe& recipe, const checkpoint::Header& frame, const std::vector<checkpoint::Header>& models,
                               const std::vector<checkpoint::Header>& auxiliaries = {});

}  // namespace dare::recipe
