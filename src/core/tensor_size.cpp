#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <stdexcept>

namespace dare {

std::string dtype_and_shape(Dtype dtype, const Shape& shape) {
  return fmt::format("{} {}", name(dtype), to_string(shape));
}

TensorSize sized(Dtype dtype, const Shape& shape, const std::function<void(const std::string& what)>& refuse) {
  if (const auto elements = checked_elements(shape)) {
    if (const auto bytes = bytes_for(dtype, *elements)) return {*elements, *bytes};
  }
  refuse(fmt::format("{} is no whole number of bytes below 2^60", dtype_and_shape(dtype, shape)));
  throw std::logic_error{"a tensor without a size was not refused"};
}

}  // namespace dare
