#include "checkpoint/h5_chunks.hpp"
#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_read.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::checkpoint::hdf5 {
namespace {

constexpr std::size_t k_longest_target = 4'096;

Storage external_of(const std::filesystem::path& file, const std::string& name, hid_t creation, int pieces) {
  Storage storage;
  std::string path(k_longest_target, '\0');
  off_t offset = 0;
  hsize_t size = 0;
  check(H5Pget_external(creation, 0, path.size(), path.data(), &offset, &size), {file, "look at the storage of", name});
  path.resize(std::min(path.find('\0'), path.size()));
  if (pieces != 1 || path.empty() || offset < 0)
    throw InputError{fmt::format("{}: dataset \"{}\" lies in {} pieces of other files, one is read", file.string(), name, pieces)};
  storage.place = Place::external;
  storage.external = std::move(path);
  storage.offset = static_cast<std::uint64_t>(offset);
  storage.reserved = size;
  return storage;
}

// HDF5 copies as many bytes as the dataset should have, however few are there.
void require_compact(const std::filesystem::path& file, const std::string& name, hid_t dataset) {
  const Doing doing{file, "look at the extent of", name};
  const H5Type type{H5Dget_type(dataset), doing};
  const H5Space space{H5Dget_space(dataset), doing};
  const auto points = H5Sget_simple_extent_npoints(space.get());
  const auto stored = H5Dget_storage_size(dataset);
  if (points >= 0 && checked_product(static_cast<std::uint64_t>(points), H5Tget_size(type.get())) == stored) return;
  throw InputError{
      fmt::format("{}: dataset \"{}\" has {} elements, {} bytes are stored; fetch the file again", file.string(), name, points, stored)};
}

}  // namespace

Storage storage_of(const std::filesystem::path& file, const std::string& name, hid_t dataset) {
  Storage storage;
  const auto offset = H5Dget_offset(dataset);
  if (offset != HADDR_UNDEF) {
    storage.place = Place::file;
    storage.offset = offset;
    return storage;
  }
  H5Eclear2(H5E_DEFAULT);  // no place is no error
  const Doing doing{file, "look at the storage of", name};
  const H5Properties creation{H5Dget_create_plist(dataset), doing};
  const auto layout = H5Pget_layout(creation.get());
  if (layout == H5D_CHUNKED) {
    const H5Type type{H5Dget_type(dataset), doing};
    (void)chunk_layout(file, name, creation.get(), H5Tget_size(type.get()));  // throws where it cannot be read
    storage.place = Place::chunks;
  } else if (layout == H5D_COMPACT) {
    require_compact(file, name, dataset);
    storage.place = Place::header;
  } else if (layout == H5D_CONTIGUOUS) {
    const auto pieces = H5Pget_external_count(creation.get());
    check(pieces, doing);
    if (pieces > 0) return external_of(file, name, creation.get(), pieces);
  } else {
    // Nothing more may be asked of it: its very extent may depend on the files that it is made of, which HDF5 then opens.
    throw InputError{fmt::format(
        "{}: dataset \"{}\" is a virtual dataset, which parallel HDF5 cannot read; copy it with `h5repack -l CONTI`", file.string(), name)};
  }
  return storage;
}

}  // namespace dare::checkpoint::hdf5
