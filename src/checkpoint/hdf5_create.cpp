#include "checkpoint/backends.hpp"
#include "checkpoint/hdf5_schema.hpp"
#include "checkpoint/safetensors_parse.hpp"

#include <algorithm>

namespace dare::checkpoint::hdf5 {
namespace {

// Upper bounds of what HDF5 needs besides the data, checked by a test against files made.
constexpr std::uint64_t k_bytes_per_file = 16'384;
constexpr std::uint64_t k_bytes_per_object = 1'024;

std::vector<std::string> paths_of(const std::vector<OutputTensor>& tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return dataset_paths(names);
}

// The next free place for `bytes` as HDF5 aligns them, and what is behind it.
std::uint64_t place(std::uint64_t& end, std::uint64_t bytes) {
  if (bytes >= k_alignment) end = (end + k_alignment - 1) / k_alignment * k_alignment;
  const auto begin = end;
  end += bytes;
  return bytes == 0 ? 0 : begin;
}

}  // namespace

OutputLayout plan(const OutputSpec& spec) {
  OutputLayout layout;
  std::uint64_t end = k_bytes_per_file + 2 * spec.metadata.size();
  const auto object = [&](std::size_t name, std::uint64_t bytes) {
    // A name is in the link, in its index and in the attribute; each of its parts may be a group.
    end += k_bytes_per_object + 8 * name;
    return place(end, bytes);
  };
  for (const auto& file : spec.side_files) object(file.name.size(), file.bytes.size());
  for (const auto& source : spec.source_headers) object(source.file.size(), source.bytes.size());
  for (const auto& tensor : spec.tensors) {
    const auto groups = static_cast<std::size_t>(std::count(tensor.name.begin(), tensor.name.end(), '/'));
    end += groups * k_bytes_per_object;
    layout.tensors.push_back({0, object(tensor.name.size() + 8 * tensor.shape.size(), bytes_of(tensor))});
  }
  layout.files.push_back({"", end + k_alignment});
  return layout;
}

OutputLayout create(const std::filesystem::path& file, const OutputSpec& spec) {
  const auto shards = safetensors::shard_names(file, spec);
  SchemaWriter writer{file, spec.tensors.size()};
  if (!spec.metadata.empty()) writer.metadata(spec.metadata);
  for (const auto& side : spec.side_files) writer.bytes("files", side.name, side.bytes);
  for (const auto& source : spec.source_headers) writer.bytes("source", source.file, source.bytes);
  const auto paths = paths_of(spec.tensors);
  OutputLayout layout;
  for (std::size_t t = 0; t < spec.tensors.size(); ++t) {
    const auto& tensor = spec.tensors[t];
    layout.tensors.push_back({0, writer.tensor({tensor.name, paths[t], t, tensor.dtype, tensor.shape, shards[t], std::nullopt})});
  }
  layout.files.push_back({"", writer.finish()});
  return layout;
}

}  // namespace dare::checkpoint::hdf5
