#pragma once
/// Where in the network a tensor stands, for gradients of settings over the layers.

#include <dare/checkpoint/header.hpp>

#include <cstdint>
#include <vector>

namespace dare::recipe {

/// For each tensor: l/(L-1) in layer l of L (1 where L = 1), 0 before the layers, 1 after them. A layer is the first part of a dotted name
/// that is a number; what stands before that number names the stack, and each stack counts its own L. Of tensors in no layer those whose
/// name tells an embedding are before, those that tell a norm or a head after, others by their place in the file. Pure.
[[nodiscard]] std::vector<double> depths(const std::vector<checkpoint::TensorInfo>& tensors);

/// How many layers the tensors' longest stack has: one more than its highest number. 0 where none is in a layer. Pure.
[[nodiscard]] std::uint64_t count_layers(const std::vector<checkpoint::TensorInfo>& tensors);

}  // namespace dare::recipe
