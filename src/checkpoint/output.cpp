#include <dare/checkpoint/output.hpp>

#include "checkpoint/backends.hpp"
#include "checkpoint/endings.hpp"
#include "core/lower_case.hpp"

#include <dare/core/error.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::checkpoint {

OutputKind output_kind(const std::filesystem::path& output) {
  const auto ending = output.extension().string();
  const auto* const form =
      std::find_if(k_output_forms.begin(), k_output_forms.end(), [&](const auto& row) { return row.ending == ending; });
  return form == k_output_forms.end() ? OutputKind::folder : form->kind;
}

std::string_view ending_of(OutputKind kind) noexcept {
  return std::find_if(k_output_forms.begin(), k_output_forms.end(), [&](const auto& row) { return row.kind == kind; })->ending;
}

void check_ending(const std::filesystem::path& output) {
  if (output_kind(output) != OutputKind::folder) return;
  if (find_ending(lower_case(output.extension().string())) == nullptr) return;
  throw UsageError{fmt::format(
      "{}: files are written as .h5 or .safetensors, anything else is a folder; give one of these endings, or none", output.string())};
}

std::uint64_t bytes_of(const OutputTensor& tensor) {
  const auto refuse = [&](const std::string& what) { throw InputError{fmt::format("tensor \"{}\": {}", tensor.name, what)}; };
  return sized(tensor.dtype, tensor.shape, refuse).bytes;
}

std::uint64_t OutputLayout::total_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.size;
  return bytes;
}

OutputLayout plan_output(OutputKind kind, const OutputSpec& spec) {
  return kind == OutputKind::hdf5 ? hdf5::plan(spec) : safetensors::plan(kind, spec);
}

OutputLayout create_output(const std::filesystem::path& root, OutputKind kind, const OutputSpec& spec) {
  return kind == OutputKind::hdf5 ? hdf5::create(root, spec) : safetensors::create(root, kind, spec);
}

OutputWriter::OutputWriter(std::filesystem::path root, OutputLayout layout) : root_{std::move(root)}, layout_{std::move(layout)} {
  files_.resize(layout_.files.size());
}

void OutputWriter::write(std::size_t tensor, std::uint64_t offset, std::span<const std::byte> data) {
  const auto& place = layout_.tensors[tensor];
  auto& file = files_[place.file];
  if (!file.is_open()) {
    const auto& name = layout_.files[place.file].name;
    file = File::open_write(name.empty() ? root_ : root_ / name);
  }
  file.write_at(place.offset + offset, data);
  write_back_.wrote(file.fd(), place.offset + offset, data.size());
}

void OutputWriter::begin_sync() {
  write_back_.ask_for_rest();
}

void OutputWriter::sync() {
  write_back_.end();
  for (auto& file : files_) {
    if (file.is_open()) file.sync();
  }
}

void OutputWriter::close() {
  write_back_.end();
  for (auto& file : files_) {
    if (file.is_open()) file.close();
  }
}

}  // namespace dare::checkpoint
