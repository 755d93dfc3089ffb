#include "checkpoint/boxes.hpp"

#include <algorithm>

namespace dare::checkpoint {

Shape strides_of(const Shape& extents) {
  Shape strides(extents.size(), 1);
  for (std::size_t d = extents.size(); d > 1; --d) strides[d - 2] = strides[d - 1] * extents[d - 1];
  return strides;
}

std::uint64_t Box::elements() const {
  std::uint64_t elements = 1;
  for (const auto extent : count) elements *= extent;
  return elements;
}

// Each box takes whole steps of the outermost dimension that begins at `first` and fits: up over the dimensions to the middle, then down.
std::vector<Box> boxes(const Shape& extents, std::uint64_t first, std::uint64_t n) {
  std::vector<Box> result;
  if (extents.empty()) {
    if (n > 0) result.push_back({});
    return result;
  }
  const auto strides = strides_of(extents);
  while (n > 0) {
    std::size_t d = 0;
    while (first % strides[d] != 0 || n < strides[d]) ++d;  // strides end with 1
    Box box{Shape(extents.size(), 0), Shape(extents.size(), 1)};
    for (std::size_t i = 0; i <= d; ++i) box.start[i] = first / strides[i] % extents[i];
    const auto left = extents[d] - box.start[d];
    const auto steps = std::min(left, n / strides[d]);
    box.count[d] = steps;
    for (auto i = d + 1; i < extents.size(); ++i) box.count[i] = extents[i];
    result.push_back(std::move(box));
    first += steps * strides[d];
    n -= steps * strides[d];
  }
  return result;
}

}  // namespace dare::checkpoint
