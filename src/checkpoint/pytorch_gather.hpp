#pragma once
/// Runs of a tensor whose elements lie apart in the file (a transposed or sliced view).

#include <dare/core/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace dare::checkpoint::pytorch {

/// An array within a larger one.
struct View {
  std::uint64_t offset = 0;  ///< of its first element, in bytes
  std::uint64_t item = 1;    ///< bytes of an element
  Shape shape;
  Shape strides;  ///< in elements
};

using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

/// Elements [first, first + n) of `view` in row-major order into `out` (n * item bytes). Elements that are close to each other are read in
/// one piece of at most 64 KiB, along the dimension of the least stride.
/// @pre the view has first + n elements or more.
void gather(const View& view, std::uint64_t first, const ReadAt& read_at, std::span<std::byte> out);

}  // namespace dare::checkpoint::pytorch
