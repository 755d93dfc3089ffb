#include <dare/checkpoint/link.hpp>

#include "checkpoint/backends.hpp"
#include "checkpoint/h5_attributes.hpp"
#include "checkpoint/hdf5_read.hpp"
#include "checkpoint/hdf5_schema.hpp"
#include "checkpoint/safetensors_parse.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;

// Resolved on both sides: a folder reached by a symbolic link has another parent than its path says.
fs::path relative_to_view(const fs::path& target, const fs::path& view) {
  const auto folder = fs::canonical(view.has_parent_path() ? view.parent_path() : fs::path{"."});
  return fs::canonical(target).lexically_relative(folder);
}

std::vector<std::string_view> names_of(const Header& source) {
  std::vector<std::string_view> names;
  names.reserve(source.tensors.size());
  for (const auto& tensor : source.tensors) names.push_back(tensor.name);
  return names;
}

}  // namespace

void create_link_view(const fs::path& view, const Header& source, bool whole) {
  if (source.format != Format::safetensors)
    throw UsageError{fmt::format("{}: a link view is made over safetensors files only; convert it without --link", source.root.string())};
  std::vector<std::string> targets;
  for (const auto& file : source.files) targets.push_back(relative_to_view(file.path, view).string());

  hdf5::SchemaWriter writer{view, source.tensors.size()};
  if (!source.metadata.empty()) writer.metadata(source.metadata);
  for (const auto& name : source.side_files) writer.bytes("files", name, read_input_side_file(source, name));
  for (const auto& header : safetensors::read_source_headers(source)) {
    writer.bytes("source", header.file, whole ? header.bytes : std::vector<std::byte>{}, [&](hid_t dataset) {
      for (std::size_t f = 0; f < source.files.size(); ++f) {
        if (source.files[f].name != header.file) continue;
        const hdf5::Doing doing{view, "describe", header.file};
        hdf5::put_text(dataset, "path", targets[f], doing);
        hdf5::put_number(dataset, "size", source.files[f].size, doing);
        hdf5::put_text(dataset, "header_hash", to_hex(source.files[f].header_hash), doing);
      }
    });
  }
  const auto names = names_of(source);
  const auto paths = hdf5::dataset_paths(names);
  for (std::size_t t = 0; t < source.tensors.size(); ++t) {
    const auto& tensor = source.tensors[t];
    writer.tensor({tensor.name, paths[t], t, tensor.dtype, tensor.shape, source.files[tensor.file].name,
                   hdf5::ExternalPlace{targets[tensor.file], tensor.offset}});
  }
  writer.finish();
}

namespace hdf5 {
namespace {

struct Recorded {
  std::string path;
  std::uint64_t size = 0;
  std::string header_hash;
};

std::optional<Recorded> recorded_at(const fs::path& view, hid_t h5, const std::string& name) {
  const Doing doing{view, "read", name};
  const H5Dataset dataset{H5Dopen2(h5, ("source/" + name).c_str(), H5P_DEFAULT), doing};
  auto path = get_text(dataset.get(), "path", doing);
  const auto size = get_number(dataset.get(), "size", doing);
  auto hash = get_text(dataset.get(), "header_hash", doing);
  if (!path || !size || !hash) return std::nullopt;
  return Recorded{std::move(*path), *size, std::move(*hash)};
}

InputFile check_target(const fs::path& view, const Recorded& recorded) {
  if (recorded.path.empty() || fs::path{recorded.path}.is_absolute() || recorded.path.find('\0') != std::string::npos) {
    throw InputError{fmt::format("{}: is a view of \"{}\", which is no relative path; make the view again", view.string(), recorded.path)};
  }
  const auto path = view.parent_path() / recorded.path;
  if (!fs::is_regular_file(path))
    throw InputError{
        fmt::format("{}: is a view of {}, which is not there; move both together, or make the view again", view.string(), path.string())};
  const auto file = File::open_read(path);
  const auto size = file.size();
  if (size != recorded.size) {
    throw InputError{fmt::format("{}: is a view of {}, which had {} bytes and has {}; make the view again", view.string(), path.string(),
                                 recorded.size, size)};
  }
  const auto hash = hash128(safetensors::read_raw(path, file, size));
  if (to_hex(hash) != recorded.header_hash) {
    throw InputError{fmt::format("{}: is a view of {}, whose header had the hash {} and has {}; make the view again", view.string(),
                                 path.string(), recorded.header_hash, to_hex(hash))};
  }
  return {path, recorded.path, size, hash};
}

}  // namespace

void read_link_targets(hid_t h5, Header& header) {
  for (const auto& name : names_in(header.root, h5, "source")) {
    if (const auto recorded = recorded_at(header.root, h5, name)) header.files.push_back(check_target(header.root, *recorded));
  }
}

}  // namespace hdf5
}  // namespace dare::checkpoint
