#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_read.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dare::checkpoint::hdf5 {
namespace {

constexpr std::size_t k_most_told = 4;

// Datasets of another class than float or integer are no weights; a float or integer that cannot be read is not passed over in silence.
std::optional<TensorInfo> tensor_of(const Header& header, const std::string& name, hid_t dataset) {
  const auto& path = header.root;
  const Doing doing{path, "read dataset", name};
  const H5Type type{H5Dget_type(dataset), doing};
  const auto stored = stored_type(type.get());
  const auto kind = H5Tget_class(type.get());
  if (!stored && kind != H5T_FLOAT && kind != H5T_INTEGER) return std::nullopt;
  if (!stored)
    throw InputError{fmt::format("{}: dataset \"{}\" is a {}, which no dtype is", path.string(), name, describe_type(type.get()))};
  const auto storage = storage_of(path, name, dataset);  // before its extent, which a virtual dataset looks for in other files
  if (storage.place == Place::external)
    throw InputError{fmt::format("{}: dataset \"{}\" lies in another file (\"{}\"), which is not followed; copy the weights into one file",
                                 path.string(), name, storage.external)};
  const H5Space space{H5Dget_space(dataset), doing};
  const auto extents = extents_of(space.get());
  if (!extents) return std::nullopt;  // a null space: nothing is stored
  require_name(path, name);
  TensorInfo tensor;
  tensor.name = name;
  tensor.dataset = "/" + name;
  tensor.dtype = stored->dtype;
  tensor.shape = *extents;
  const auto taken = sized(tensor.dtype, tensor.shape, [&](const std::string& what) { refuse(path, name, what); });
  tensor.elements = taken.elements;
  tensor.bytes = taken.bytes;
  if (storage.place != Place::file || tensor.bytes == 0) return tensor;
  require_within_file(path, tensor, storage.offset, header.files.front().size);
  if (!stored->big_endian) tensor.offset = storage.offset;
  return tensor;
}

std::string left_out(const Header& header, std::vector<std::string> names) {
  const auto count = names.size();
  const auto told = std::min(count, k_most_told);
  names.resize(told);
  return fmt::format("{}: left out, for they hold no floats or integers: {}{}", header.root.string(), fmt::join(names, ", "),
                     told < count ? fmt::format(" and {} more", count - told) : "");
}

}  // namespace

void read_foreign(hid_t h5, Header& header) {
  std::vector<std::string> others;
  walk(header.root, h5, SoftLinks::skip, [&](const std::string& name, hid_t dataset) {
    if (auto tensor = tensor_of(header, name, dataset)) header.tensors.push_back(std::move(*tensor));
    else others.push_back(printable(name));
  });
  if (!others.empty()) header.notes.push_back(left_out(header, std::move(others)));
  if (header.tensors.empty()) throw InputError{fmt::format("{}: no dataset of floats or integers in it", header.root.string())};
}

}  // namespace dare::checkpoint::hdf5
