#pragma once
/// Runs of a row-major array as boxes: the selections that HDF5 knows, and what strides can step through.

#include <dare/core/shape.hpp>

#include <cstdint>
#include <vector>

namespace dare::checkpoint {

/// By dimension: the elements of one step in it. Pure.
[[nodiscard]] Shape strides_of(const Shape& extents);

/// `count` extents from `start` on; its elements are consecutive in the array.
struct Box {
  Shape start;
  Shape count;
  [[nodiscard]] std::uint64_t elements() const;
};

/// The run of elements [first, first + n) of an array as boxes in order, at most 2 * extents.size() - 1; none where n is 0. Pure.
/// @pre the array has at least first + n elements.
[[nodiscard]] std::vector<Box> boxes(const Shape& extents, std::uint64_t first, std::uint64_t n);

}  // namespace dare::checkpoint
