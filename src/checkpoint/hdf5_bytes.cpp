#include "checkpoint/h5_chunks.hpp"
#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_read.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::checkpoint::hdf5 {
namespace {

constexpr std::uint64_t k_largest_text = std::uint64_t{1} << 30U;
constexpr std::uint64_t k_most_packed = 100;  // no text or image is packed more tightly

// A dataset of bytes, checked.
struct Bytes {
  H5Dataset dataset;
  H5Type type;
  Shape extents;
  Place place = Place::nowhere;
  ByteCount count;
};

// Few bytes of a file could stand for very many.
void require_stored(const std::filesystem::path& file, const std::string& path, const Bytes& bytes) {
  if (bytes.count.bytes == 0) return;
  if (bytes.place == Place::external)
    throw InputError{fmt::format("{}: \"{}\" lies in another file, only tensors may; fetch the file again", file.string(), path)};
  if (bytes.count.bytes / k_most_packed > bytes.count.stored || bytes.count.stored == 0)
    throw InputError{fmt::format("{}: \"{}\" has {} bytes, {} are stored, less than one for {}; fetch the file again", file.string(), path,
                                 bytes.count.bytes, bytes.count.stored, k_most_packed)};
}

Bytes open_bytes(const std::filesystem::path& file, hid_t h5, const std::string& path) {
  const Doing doing{file, "read", path};
  Bytes bytes;
  bytes.dataset = H5Dataset{H5Dopen2(h5, path.c_str(), H5P_DEFAULT), doing};
  bytes.place = storage_of(file, path, bytes.dataset.get()).place;  // before its extent, which a virtual dataset looks for in other files
  bytes.type = H5Type{H5Dget_type(bytes.dataset.get()), doing};
  const H5Space space{H5Dget_space(bytes.dataset.get()), doing};
  const auto points = H5Sget_simple_extent_npoints(space.get());
  const auto kind = H5Tget_class(bytes.type.get());
  const auto size = H5Tget_size(bytes.type.get());
  const bool text = kind == H5T_STRING && H5Tis_variable_str(bytes.type.get()) == 0;
  const bool byte = kind == H5T_INTEGER && size == 1;
  if (points < 0 || !(byte || (text && points == 1)))
    throw InputError{fmt::format("{}: \"{}\" is no dataset of bytes; fetch the file again", file.string(), path)};
  const auto total = checked_product(size, static_cast<std::uint64_t>(points));
  if (!total || *total > k_largest_text)
    throw InputError{fmt::format("{}: \"{}\" has {} bytes, at most {} are read", file.string(), path,
                                 total ? std::to_string(*total) : "2^63 or more", k_largest_text)};
  bytes.extents = extents_of(space.get()).value_or(Shape{});
  bytes.count = {*total, bytes.place == Place::chunks    ? H5Dget_storage_size(bytes.dataset.get())
                         : bytes.place == Place::nowhere ? 0
                                                         : *total};
  require_stored(file, path, bytes);
  return bytes;
}

}  // namespace

ByteCount count_bytes(const std::filesystem::path& file, hid_t h5, const std::string& path) {
  return open_bytes(file, h5, path).count;
}

std::vector<std::byte> read_bytes(const std::filesystem::path& file, hid_t h5, const std::string& path) {
  const auto stored = open_bytes(file, h5, path);
  std::vector<std::byte> bytes(stored.count.bytes);
  if (bytes.empty()) return bytes;
  if (stored.place == Place::chunks) {
    ChunkReader{file, path, stored.dataset.get(), stored.type.get(), stored.extents}.read({Shape(stored.extents.size()), stored.extents},
                                                                                          bytes);
  } else {
    check(H5Dread(stored.dataset.get(), stored.type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), {file, "read", path});
  }
  return bytes;
}

}  // namespace dare::checkpoint::hdf5
