#include <dare/checkpoint/header.hpp>

#include "checkpoint/backends.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::checkpoint {

namespace fs = std::filesystem;

const TensorInfo* Header::find(std::string_view name) const {
  if (by_name_.size() != tensors.size()) {
    by_name_.clear();
    by_name_.reserve(tensors.size());
    for (std::size_t t = 0; t < tensors.size(); ++t) by_name_.emplace(tensors[t].name, t);
  }
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors[found->second];
}

std::uint64_t Header::total_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += tensor.bytes;
  return bytes;
}

Header read_header(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw InputError{fmt::format("{}: no such file or folder", path.string())};
  try {
    if (!fs::is_directory(status) && !fs::is_regular_file(status)) throw InputError{fmt::format("{}: no regular file", path.string())};
    if (fs::is_directory(status)) return folder::read_header(path, {safetensors::form(), pytorch::form()});
    const auto ending = path.extension();
    if (ending == ".h5" || ending == ".hdf5" || ending == ".keras") return hdf5::read_header(path);
    if (ending == ".safetensors") return folder::read_file_header(path, Format::safetensors, safetensors::form().parse);
    if (ending == ".bin" || ending == ".pt" || ending == ".pth")
      return folder::read_file_header(path, Format::pytorch, pytorch::form().parse);
  } catch (const IoError& io) {
    throw InputError{io.what()};  // nothing has begun: what cannot be read is bad input
  } catch (const fs::filesystem_error& failure) { throw InputError{fmt::format("{}: {}", path.string(), failure.code().message())}; }
  throw InputError{fmt::format(
      "{}: not a checkpoint known by its ending; give a .safetensors, .h5, .bin, .pt or .pth file, or a model's folder", path.string())};
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  return header.format == Format::hdf5 ? hdf5::read_side_file(header, name) : folder::read_side_file(header, name);
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  switch (header.format) {
    case Format::hdf5:
      return hdf5::read_source_headers(header);
    case Format::safetensors:
      return safetensors::read_source_headers(header);
    case Format::pytorch:
      break;
  }
  return {};
}

}  // namespace dare::checkpoint
