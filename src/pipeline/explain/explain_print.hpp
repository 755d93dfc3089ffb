#pragma once
/// An explained element as text and as JSON.

#include "merge/explain.hpp"

#include <dare/recipe/job.hpp>
#include <dare/recipe/recipe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dare::pipeline {

struct Explained {
  const recipe::Recipe& recipe;
  const recipe::TensorTask& task;
  std::string tensor;
  std::string frame;  ///< the checkpoint that the output's tensors are of
  std::uint64_t index = 0;

  std::optional<merge::Explanation> merged = {};
  std::vector<std::string> models = {};  ///< of the task's inputs
  std::vector<bool> left_out = {};       ///< likewise: a delta checkpoint that has not this element, so that F and delta are not known

  std::string untouched = {};                        ///< or: why no method touches it,
  std::optional<merge::StoredElement> copied = {};   ///< what it is in the frame, where it can be shown,
  std::optional<merge::StoredElement> written = {};  ///< and in the output

  std::string refusal = {};  ///< why a merge would stop at it
};

/// @param columns  of the terminal, 0: no limit
[[nodiscard]] std::string to_text(const Explained& explained, std::size_t columns);
[[nodiscard]] std::string to_json(const Explained& explained);

}  // namespace dare::pipeline
