#include "checkpoint/h5_attributes.hpp"

#include "checkpoint/h5_types.hpp"

namespace dare::checkpoint::hdf5 {
namespace {

// A name, a dtype, a path: a longer text is none of ours.
constexpr std::size_t k_longest_text = std::size_t{1} << 20U;
constexpr std::size_t k_longest_shape = 1'000;

void write(hid_t object, const char* name, hid_t type, hid_t space, const void* value, const Doing& doing) {
  H5Attribute attribute{H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), doing};
  if (value != nullptr) check(H5Awrite(attribute.get(), type, value), doing);
  attribute.close(doing);
}

// Opened only where it exists, so that a missing one is no failed call.
std::optional<H5Attribute> open(hid_t object, const char* name, const Doing& doing) {
  const auto exists = H5Aexists(object, name);
  check(exists, doing);
  if (exists == 0) return std::nullopt;
  return H5Attribute{H5Aopen(object, name, H5P_DEFAULT), doing};
}

std::optional<std::string> read_varying(hid_t attribute, hid_t type, hid_t space, const Doing& doing) {
  char* text = nullptr;
  const H5Type in_memory{H5Tcopy(type), doing};
  check(H5Aread(attribute, in_memory.get(), &text), doing);
  std::optional<std::string> copy;
  if (text != nullptr) copy.emplace(text);
  check(H5Dvlen_reclaim(in_memory.get(), space, H5P_DEFAULT, &text), doing);
  return copy;
}

}  // namespace

void put_text(hid_t object, const char* name, std::string_view text, const Doing& doing) {
  const H5Type type{H5Tcopy(H5T_C_S1), doing};
  // HDF5 has no text of length 0: an empty one is a null space.
  check(H5Tset_size(type.get(), text.empty() ? 1 : text.size()), doing);
  check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), doing);
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), doing);
  const H5Space space{H5Screate(text.empty() ? H5S_NULL : H5S_SCALAR), doing};
  write(object, name, type.get(), space.get(), text.empty() ? nullptr : text.data(), doing);
}

void put_number(hid_t object, const char* name, std::uint64_t number, const Doing& doing) {
  const H5Space space{H5Screate(H5S_SCALAR), doing};
  const H5Attribute attribute{H5Acreate2(object, name, H5T_STD_U64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), doing};
  check(H5Awrite(attribute.get(), H5T_NATIVE_UINT64, &number), doing);
}

void put_shape(hid_t object, const char* name, const Shape& shape, const Doing& doing) {
  const hsize_t extents = shape.size();
  const H5Space space{shape.empty() ? H5Screate(H5S_NULL) : H5Screate_simple(1, &extents, nullptr), doing};
  const H5Attribute attribute{H5Acreate2(object, name, H5T_STD_U64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), doing};
  if (!shape.empty()) check(H5Awrite(attribute.get(), H5T_NATIVE_UINT64, shape.data()), doing);
}

// Sizes instead of dataspaces: a stored size of one element's says the same and asks HDF5 for less, of each tensor several times.
std::optional<std::string> text_in(hid_t attribute, const Doing& doing) {
  const H5Type type{H5Aget_type(attribute), doing};
  if (H5Tget_class(type.get()) != H5T_STRING) return std::nullopt;
  const std::size_t stored = H5Aget_storage_size(attribute);
  if (stored == 0) return "";
  const auto size = H5Tget_size(type.get());
  if (H5Tis_variable_str(type.get()) > 0) {
    const H5Space space{H5Aget_space(attribute), doing};
    if (H5Sget_simple_extent_npoints(space.get()) != 1) return std::nullopt;
    return read_varying(attribute, type.get(), space.get(), doing);
  }
  if (size != stored || size > k_longest_text) return std::nullopt;
  std::string text(size, '\0');
  check(H5Aread(attribute, type.get(), text.data()), doing);
  return text;
}

std::optional<std::uint64_t> number_in(hid_t attribute, const Doing& doing) {
  const H5Type type{H5Aget_type(attribute), doing};
  if (H5Tget_class(type.get()) != H5T_INTEGER || H5Tget_size(type.get()) != H5Aget_storage_size(attribute)) return std::nullopt;
  std::uint64_t number = 0;
  check(H5Aread(attribute, H5T_NATIVE_UINT64, &number), doing);
  return number;
}

std::optional<std::string> get_text(hid_t object, const char* name, const Doing& doing) {
  const auto attribute = open(object, name, doing);
  return attribute ? text_in(attribute->get(), doing) : std::nullopt;
}

std::optional<std::uint64_t> get_number(hid_t object, const char* name, const Doing& doing) {
  const auto attribute = open(object, name, doing);
  return attribute ? number_in(attribute->get(), doing) : std::nullopt;
}

std::optional<Shape> get_shape(hid_t object, const char* name, const Doing& doing) {
  const auto attribute = open(object, name, doing);
  if (!attribute) return std::nullopt;
  const H5Type type{H5Aget_type(attribute->get()), doing};
  const H5Space space{H5Aget_space(attribute->get()), doing};
  if (H5Tget_class(type.get()) != H5T_INTEGER) return std::nullopt;
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) return Shape{};
  const auto extents = extents_of(space.get());
  if (!extents || extents->size() != 1 || extents->front() > k_longest_shape) return std::nullopt;
  Shape shape(extents->front());
  if (!shape.empty()) check(H5Aread(attribute->get(), H5T_NATIVE_UINT64, shape.data()), doing);
  return shape;
}

}  // namespace dare::checkpoint::hdf5
