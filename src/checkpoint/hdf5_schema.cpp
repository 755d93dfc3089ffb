#include "checkpoint/hdf5_schema.hpp"

#include "checkpoint/h5_attributes.hpp"
#include "checkpoint/h5_types.hpp"

#include <dare/core/file.hpp>
#include <dare/core/tensor_size.hpp>

#include <algorithm>
#include <bit>

namespace dare::checkpoint::hdf5 {
namespace {

// Objects' headers lie together in blocks of this size, so that reading them all reads little else; what a block has left over at the end
// of the file is given back.
hsize_t metadata_block(std::size_t tensors) {
  return std::clamp<hsize_t>(std::bit_ceil(tensors * std::size_t{512}), 1U << 12U, k_alignment / 2);
}

// The versions are pinned on both sides: a newer library writes the same bytes, and every one since 1.8 reads them. Checksums cover all
// metadata of these versions.
H5File new_file(const std::filesystem::path& file, std::size_t tensors) {
  silence();
  const Doing doing{file, "create"};
  const auto access = file_access(file);
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18), doing);
  check(H5Pset_alignment(access.get(), k_alignment, k_alignment), doing);
  check(H5Pset_meta_block_size(access.get(), metadata_block(tensors)), doing);
  const H5Properties creation{H5Pcreate(H5P_FILE_CREATE), doing};
  check(H5Pset_obj_track_times(creation.get(), false), doing);
  return {H5Fcreate(file.c_str(), H5F_ACC_EXCL, creation.get(), access.get()), doing};
}

H5Space space_of(const Shape& extents, const Doing& doing) {
  if (extents.empty()) return {H5Screate(H5S_SCALAR), doing};
  return {H5Screate_simple(static_cast<int>(extents.size()), hsizes(extents), nullptr), doing};
}

}  // namespace

SchemaWriter::SchemaWriter(const std::filesystem::path& file, std::size_t tensors) : path_{file}, file_{new_file(file, tensors)} {
  const Doing doing{path_, "make a list of properties"};
  group_creation_ = H5Properties{H5Pcreate(H5P_GROUP_CREATE), doing};
  check(H5Pset_obj_track_times(group_creation_.get(), false), doing);
  link_creation_ = H5Properties{H5Pcreate(H5P_LINK_CREATE), doing};
  check(H5Pset_char_encoding(link_creation_.get(), H5T_CSET_UTF8), doing);
  dataset_creation_ = H5Properties{H5Pcreate(H5P_DATASET_CREATE), doing};
  check(H5Pset_obj_track_times(dataset_creation_.get(), false), doing);
  check(H5Pset_layout(dataset_creation_.get(), H5D_CONTIGUOUS), doing);
  check(H5Pset_fill_time(dataset_creation_.get(), H5D_FILL_TIME_NEVER), doing);
  check(H5Pset_alloc_time(dataset_creation_.get(), H5D_ALLOC_TIME_EARLY), doing);
  put_text(file_.get(), "format", k_format, {path_, "write attribute", "format"});
  put_number(file_.get(), "format_version", k_format_version, {path_, "write attribute", "format_version"});
}

// Made one by one: groups that HDF5 makes on the way carry the time.
hid_t SchemaWriter::group(const std::string& path) {
  if (path.empty()) return file_.get();
  if (const auto found = groups_.find(path); found != groups_.end()) return found->second.get();
  const auto slash = path.rfind('/');
  const auto parent = group(slash == std::string::npos ? "" : path.substr(0, slash));
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  H5Group made{H5Gcreate2(parent, name.c_str(), link_creation_.get(), group_creation_.get(), H5P_DEFAULT), {path_, "make group", path}};
  return groups_.emplace(path, std::move(made)).first->second.get();
}

H5Dataset SchemaWriter::new_dataset(hid_t parent, const char* name, hid_t type, hid_t space, const std::optional<ExternalPlace>& external,
                                    std::uint64_t size) {
  const Doing doing{path_, "make dataset", name};
  H5Properties outside;
  if (external && size > 0) {
    outside = H5Properties{H5Pcopy(dataset_creation_.get()), doing};
    check(H5Pset_alloc_time(outside.get(), H5D_ALLOC_TIME_LATE), doing);
    check(H5Pset_external(outside.get(), external->path.c_str(), static_cast<off_t>(external->offset), size), doing);
  }
  const auto creation = outside.is_open() ? outside.get() : dataset_creation_.get();
  return {H5Dcreate2(parent, name, type, space, link_creation_.get(), creation, H5P_DEFAULT), doing};
}

H5Dataset SchemaWriter::write_bytes(const std::string& group_path, const std::string& name, std::span<const std::byte> data) {
  const Doing doing{path_, "write", name};
  const auto space = space_of({data.size()}, doing);
  auto dataset = new_dataset(group(group_path), name.c_str(), H5T_STD_U8LE, space.get(), std::nullopt, data.size());
  for (std::size_t done = 0; done < data.size();) {
    const hsize_t start = done;
    const hsize_t count = std::min(data.size() - done, k_most_per_transfer);
    const H5Space memory{H5Screate_simple(1, &count, nullptr), doing};
    check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &count, nullptr), doing);
    check(H5Dwrite(dataset.get(), H5T_STD_U8LE, memory.get(), space.get(), H5P_DEFAULT, data.data() + done), doing);
    done += count;
  }
  return dataset;
}

void SchemaWriter::metadata(const std::string& json) {
  const Doing doing{path_, "write", "metadata"};
  const H5Type type{H5Tcopy(H5T_C_S1), doing};
  check(H5Tset_size(type.get(), json.size()), doing);
  check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), doing);
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), doing);
  const H5Space space{H5Screate(H5S_SCALAR), doing};
  const auto dataset = new_dataset(file_.get(), "metadata", type.get(), space.get(), std::nullopt, json.size());
  check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, json.data()), doing);
}

std::uint64_t SchemaWriter::tensor(const SchemaTensor& tensor) {
  const Doing doing{path_, "describe tensor", tensor.name};
  const auto [elements, size] = sized(tensor.dtype, tensor.shape, [&](const std::string& what) {
    throw InputError{path_.string() + ": tensor \"" + std::string{tensor.name} + "\": " + what};
  });
  const auto stored = stored_shape(tensor.dtype, tensor.shape, elements, size);
  auto& type = types_[tensor.dtype];
  if (!type.is_open()) type = file_type(tensor.dtype, path_);
  const auto space = space_of(stored.extents, doing);
  const auto slash = tensor.path.rfind('/');
  const auto folder = slash == std::string_view::npos ? std::string{} : "/" + std::string{tensor.path.substr(0, slash)};
  const auto name = std::string{slash == std::string_view::npos ? tensor.path : tensor.path.substr(slash + 1)};
  auto dataset = new_dataset(group("tensors" + folder), name.c_str(), type.get(), space.get(), tensor.external, size);
  put_text(dataset.get(), "name", tensor.name, doing);
  put_number(dataset.get(), "index", tensor.index, doing);
  put_text(dataset.get(), "dtype", dare::name(tensor.dtype), doing);
  put_text(dataset.get(), "shard", tensor.shard, doing);
  if (stored.flat) put_shape(dataset.get(), "shape", tensor.shape, doing);
  const auto offset = H5Dget_offset(dataset.get());
  if (size > 0 && !tensor.external && offset == HADDR_UNDEF) throw Hdf5Error{{path_, "tell the place of tensor", tensor.name}};
  dataset.close(doing);
  return offset == HADDR_UNDEF ? 0 : offset;
}

std::uint64_t SchemaWriter::finish() {
  const Doing doing{path_, "close"};
  (void)group("tensors");  // also where there is none
  for (auto& [path, made] : groups_) made.close(doing);
  groups_.clear();
  file_.close(doing);
  auto file = File::open_write(path_);
  const auto size = file.size();
  file.sync();
  file.close();
  return size;
}

}  // namespace dare::checkpoint::hdf5
