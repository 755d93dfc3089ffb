#include "checkpoint/formats.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;

bool ends_as_hdf5(const fs::path& path, bool is_folder) {
  const auto ending = path.extension();
  return !is_folder && (ending == ".h5" || ending == ".hdf5" || ending == ".keras");
}

bool is_safetensors(const fs::path& path, bool is_folder) {
  return is_folder || path.extension() == ".safetensors";
}

Header read_safetensors(const fs::path& path) {
  return fs::is_directory(path) ? safetensors::read_folder_header(path) : safetensors::read_file_header(path);
}

std::unique_ptr<CheckpointReader> open_safetensors(const Header& header, const comm::Communicator& world) {
  std::unique_ptr<CheckpointReader> reader;
  world.agree([&] { reader = safetensors::open(header); });
  return reader;
}

constexpr std::array k_formats{
    InputFormat{Format::hdf5, ends_as_hdf5, hdf5::read_header, hdf5::read_side_file, hdf5::read_source_headers, hdf5::open},
    InputFormat{Format::safetensors, is_safetensors, read_safetensors, safetensors::read_side_file, safetensors::read_source_headers,
                open_safetensors},
};

}  // namespace

const InputFormat& format_for(const fs::path& path, bool is_folder) {
  for (const auto& row : k_formats) {
    if (row.takes(path, is_folder)) return row;
  }
  throw InputError{
      fmt::format("{}: not a checkpoint known by its ending; give a .safetensors or .h5 file, or a model's folder", path.string())};
}

const InputFormat& row_of(Format format) {
  for (const auto& row : k_formats) {
    if (row.format == format) return row;
  }
  throw std::logic_error{"a format without a row"};
}

}  // namespace dare::checkpoint
