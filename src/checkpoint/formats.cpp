#include "checkpoint/formats.hpp"

#include "checkpoint/stand_in.hpp"

#include "checkpoint/endings.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;

// A folder's weights may be in either form: its header says which.
Header read_folder_or_safetensors(const fs::path& path) {
  if (fs::is_directory(path)) return folder::read_header(path, {safetensors::form(), pytorch::form()});
  return folder::read_file_header(path, Format::safetensors, safetensors::form().parse);
}

Header read_pytorch_file(const fs::path& path) {
  return folder::read_file_header(path, Format::pytorch, pytorch::form().parse);
}

std::vector<SourceHeader> no_source_headers(const Header& /*header*/) {
  return {};
}

template <auto Open>
std::unique_ptr<CheckpointReader> open_on_each_rank(const Header& header, const comm::Communicator& world) {
  std::unique_ptr<CheckpointReader> reader;
  world.agree([&] { reader = Open(header); });
  return reader;
}

constexpr std::array k_formats{
    InputFormat{Format::hdf5, "HDF5", hdf5::read_header, hdf5::read_side_file, hdf5::read_source_headers, hdf5::open},
    InputFormat{Format::safetensors, "safetensors", read_folder_or_safetensors, folder::read_side_file, safetensors::read_source_headers,
                open_on_each_rank<safetensors::open>},
    InputFormat{Format::pytorch, "PyTorch", read_pytorch_file, folder::read_side_file, no_source_headers, open_on_each_rank<pytorch::open>},
};

}  // namespace

const InputFormat& format_for(const fs::path& path, bool is_folder) {
  if (is_folder) return row_of(Format::safetensors);
  const auto* const ending = find_ending(path.extension().string());
  if (ending != nullptr && ending->read) return row_of(*ending->read);
  if (path.extension() == ".gguf") refuse_gguf(path);
  throw InputError{
      fmt::format("{}: not a checkpoint known by its ending; give a {} file, or a model's folder", path.string(), readable_endings())};
}

const InputFormat& row_of(Format format) {
  for (const auto& row : k_formats) {
    if (row.format == format) return row;
  }
  throw std::logic_error{"a format without a row"};
}

}  // namespace dare::checkpoint
