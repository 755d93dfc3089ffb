#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_read.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <array>

namespace dare::checkpoint::hdf5 {
namespace {

// A chunk is held whole while a part of it is read.
constexpr std::uint64_t k_largest_chunk = std::uint64_t{256} << 20U;
constexpr std::size_t k_longest_target = 4'096;

void check_filters(const std::filesystem::path& file, const std::string& name, hid_t creation) {
  const auto filters = H5Pget_nfilters(creation);
  check(filters, {file, "list the filters of", name});
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    std::array<char, 64> text{};
    const auto filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr, text.size(), text.data(), nullptr);
    check(filter, {file, "look at a filter of", name});
    if (H5Zfilter_avail(filter) <= 0) {
      throw InputError{
          fmt::format("{}: dataset \"{}\" is compressed by filter {} (\"{}\"), which this HDF5 library lacks; repack the file "
                      "with `h5repack -f NONE` where it has it",
                      file.string(), name, static_cast<int>(filter), text.data())};
    }
  }
}

void check_chunks(const std::filesystem::path& file, const std::string& name, hid_t dataset, hid_t creation) {
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const auto rank = H5Pget_chunk(creation, static_cast<int>(extents.size()), extents.data());
  check(rank, {file, "look at the chunks of", name});
  const H5Type type{H5Dget_type(dataset), {file, "look at the type of", name}};
  const auto elements = checked_elements({extents.begin(), extents.begin() + rank});
  const auto bytes = elements ? checked_product(*elements, H5Tget_size(type.get())) : std::nullopt;
  if (!bytes || *bytes > k_largest_chunk) {
    throw InputError{fmt::format("{}: dataset \"{}\" has chunks of {} bytes, at most {} are read; repack it with `h5repack -l CONTI`",
                                 file.string(), name, bytes ? std::to_string(*bytes) : "2^63 or more", k_largest_chunk)};
  }
  check_filters(file, name, creation);
}

Storage external_of(const std::filesystem::path& file, const std::string& name, hid_t creation, int pieces) {
  Storage storage;
  std::string path(k_longest_target, '\0');
  off_t offset = 0;
  hsize_t size = 0;
  check(H5Pget_external(creation, 0, path.size(), path.data(), &offset, &size), {file, "look at the storage of", name});
  path.resize(std::min(path.find('\0'), path.size()));
  if (pieces != 1 || path.empty() || offset < 0)
    throw InputError{fmt::format("{}: dataset \"{}\" lies in {} pieces of other files, one is read", file.string(), name, pieces)};
  storage.external = std::move(path);
  storage.offset = static_cast<std::uint64_t>(offset);
  storage.reserved = size;
  return storage;
}

}  // namespace

Storage storage_of(const std::filesystem::path& file, const std::string& name, hid_t dataset) {
  Storage storage;
  const auto offset = H5Dget_offset(dataset);
  if (offset != HADDR_UNDEF) {
    storage.offset = offset;
    return storage;
  }
  H5Eclear2(H5E_DEFAULT);  // no place is no error
  const H5Properties creation{H5Dget_create_plist(dataset), {file, "look at the storage of", name}};
  const auto layout = H5Pget_layout(creation.get());
  if (layout == H5D_CHUNKED) {
    check_chunks(file, name, dataset, creation.get());
  } else if (layout == H5D_CONTIGUOUS) {
    const auto pieces = H5Pget_external_count(creation.get());
    check(pieces, {file, "look at the storage of", name});
    if (pieces > 0) return external_of(file, name, creation.get(), pieces);
    storage.allocated = false;
  } else if (layout != H5D_COMPACT) {
    throw InputError{fmt::format(
        "{}: dataset \"{}\" is a virtual dataset, which parallel HDF5 cannot read; copy it with `h5repack -l CONTI`", file.string(), name)};
  }
  return storage;
}

}  // namespace dare::checkpoint::hdf5
