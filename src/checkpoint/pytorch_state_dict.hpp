#pragma once
/// The tensors of a saved dict, by name.

#include "checkpoint/pytorch_objects.hpp"

#include <string>
#include <vector>

namespace dare::checkpoint::pytorch {

struct NamedTensor {
  std::string name;
  const StoredTensor* tensor;  ///< of the Objects
};

/// The tensors of the dict `root`, in its order. Where the dict holds no tensor of its own but exactly one of "state_dict",
/// "model_state_dict", "model" and "module" is a dict in it, that one is meant (and so on inwards). What is no tensor and holds none is
/// passed over.
/// @throws pickle::Refusal  no dict, no tensor, a tensor within a nested value, a name twice or one that no tensor can have.
[[nodiscard]] std::vector<NamedTensor> state_dict(const pickle::Heap& heap, pickle::Id root, const Objects& objects);

}  // namespace dare::checkpoint::pytorch
