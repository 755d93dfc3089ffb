#pragma once
/// Element types of the project as HDF5 types, and back.

#include "checkpoint/h5_handle.hpp"

#include <dare/core/dtype.hpp>
#include <dare/core/shape.hpp>

#include <optional>
#include <string>

namespace dare::checkpoint::hdf5 {

/// True where HDF5 has no numeric type with `dtype`'s values: stored as a row of bytes.
[[nodiscard]] bool stored_as_bytes(Dtype dtype);

/// The little-endian type in a file. @pre !stored_as_bytes(dtype), else it is the type of a byte.
[[nodiscard]] H5Type file_type(Dtype dtype, const std::filesystem::path& file);

/// A stored type that is one of ours.
struct StoredType {
  Dtype dtype = Dtype::f32;
  bool big_endian = false;
};
/// Nothing where `type` is no float or integer (or h5py's boolean) of a layout that the project has.
[[nodiscard]] std::optional<StoredType> stored_type(hid_t type);

/// For messages: class, size and byte order, e.g. "a 10-byte float".
[[nodiscard]] std::string describe_type(hid_t type);

/// How a tensor's dataset is laid out: its extents, or one row of bytes or elements where HDF5 cannot hold the shape.
struct StoredShape {
  Shape extents;
  bool flat = false;  ///< the tensor's shape is in the attribute `shape`
};
[[nodiscard]] StoredShape stored_shape(Dtype dtype, const Shape& shape, std::uint64_t elements, std::uint64_t bytes);

/// The same numbers as HDF5's type has them.
[[nodiscard]] inline const hsize_t* hsizes(const Shape& shape) noexcept {
  static_assert(sizeof(hsize_t) == sizeof(Shape::value_type));
  return reinterpret_cast<const hsize_t*>(shape.data());
}

/// The extents of a dataspace; empty for a scalar, nothing for a null space.
[[nodiscard]] std::optional<Shape> extents_of(hid_t space);

}  // namespace dare::checkpoint::hdf5
