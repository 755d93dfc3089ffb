#pragma once
/// What a tensor takes, and how it is described.

#include <dare/core/dtype.hpp>
#include <dare/core/shape.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace dare {

/// "BF16 [2, 3]". Pure.
[[nodiscard]] std::string dtype_and_shape(Dtype dtype, const Shape& shape);
/// Of what has a dtype and a shape, such as a checkpoint's tensor.
template <class Tensor>
[[nodiscard]] std::string dtype_and_shape(const Tensor& tensor) {
  return dtype_and_shape(tensor.dtype, tensor.shape);
}

struct TensorSize {
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};

/// Elements and bytes of a tensor. Pure.
/// @param refuse  throws; called with e.g. "F4 [3] is no whole number of bytes below 2^60" where that is so.
[[nodiscard]] TensorSize sized(Dtype dtype, const Shape& shape, const std::function<void(const std::string& what)>& refuse);

}  // namespace dare
