#include <dare/checkpoint/header.hpp>

#include "checkpoint/file_header.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/formats.hpp"
#include "checkpoint/hub_names.hpp"
#include "checkpoint/tensor_name.hpp"
#include "core/file_state.hpp"
#include "core/printable.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dare::checkpoint {

namespace fs = std::filesystem;

namespace {

// Of a file that is not there: one that none has.
FileState look(const fs::path& path) noexcept {
  return dare::state_of(path).value_or(FileState{});
}

// HDF5 opens its files itself: their times are those before it, or for the files behind a view's links those after.
void note_times_of_hdf5(Header& header, const FileState& before) noexcept {
  if (header.format != Format::hdf5) return;
  for (auto& file : header.files) file.changed_ns = file.path == header.root ? before.changed_ns : look(file.path).changed_ns;
}

// Those of other formats are checked as they are read.
void check_names_of_hdf5(const Header& header) {
  if (header.format != Format::hdf5) return;
  for (const auto& tensor : header.tensors) {
    const auto problem = tensor.name == k_metadata_key ? "" : name_problem(tensor.name);
    if (!problem.empty())
      throw InputError{fmt::format("{}: tensor \"{}\": {}; rename it", header.root.string(), printable(tensor.name), problem)};
  }
}

// Each tensor is below: so no sum of them, of outputs in another type, or of output files, wraps.
void require_total(const Header& header) {
  constexpr auto k_most = std::uint64_t{1} << 60U;
  std::uint64_t total = 0;
  for (const auto& tensor : header.tensors) {
    total += tensor.bytes;
    if (total >= k_most) throw InputError{fmt::format("{}: its tensors have 2^60 bytes or more; fetch it again", header.root.string())};
  }
}

void require_readable(const fs::path& file) {
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0 || errno != EACCES) return;
  throw InputError{fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno))};
}

}  // namespace

const TensorInfo* Header::find(std::string_view name) const {
  auto& positions = by_name_.positions;
  if (positions.size() != tensors.size()) {
    positions.clear();
    positions.reserve(tensors.size());
    for (std::size_t t = 0; t < tensors.size(); ++t) positions.emplace(tensors[t].name, t);
  }
  const auto found = positions.find(name);
  return found == positions.end() ? nullptr : &tensors[found->second];
}

std::uint64_t Header::total_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += tensor.bytes;
  return bytes;
}

void require_finished(const fs::path& path) {
  auto place = fs::absolute(path).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  std::error_code not_there;
  const auto target = fs::weakly_canonical(place, not_there);  // a link to it is no better
  for (const auto& candidate : {place, place.parent_path(), target, target.parent_path()}) {
    const auto name = candidate.filename().string();
    const auto end = name.rfind(k_unfinished_ending);
    if (!name.starts_with('.') || end == std::string::npos || end < 2) continue;
    const auto journal = candidate.parent_path() / fmt::format("{}{}", name.substr(0, end), k_journal_ending);
    std::error_code unknown;
    if (!fs::exists(journal, unknown)) continue;
    throw InputError{fmt::format(
        "{}: an unfinished output, some of its weights are not there yet ({} is the journal of its run); go on with --resume, then give {}",
        path.string(), journal.filename().string(), name.substr(1, end - 1))};
  }
}

Header read_header(const fs::path& path) {
  require_finished(path);
  return read_header_of_unfinished(path);
}

Header read_header_of_unfinished(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::none) throw InputError{fmt::format("{}: cannot be read: {}", path.string(), error.message())};
  if (!fs::exists(status)) {
    throw InputError{
        fmt::format("{}: no such file or folder{}", path.string(),
                    is_hub_name(path.string()) && !fs::exists(path.parent_path(), error) ? hub_advice(path.string(), path) : "")};
  }
  if (fs::is_regular_file(status)) require_readable(path);  // HDF5 would call it damaged
  try {
    if (!fs::is_directory(status) && !fs::is_regular_file(status)) throw InputError{fmt::format("{}: no regular file", path.string())};
    if (is_lora_adapter(path))
      throw InputError{fmt::format("{}: a LoRA adapter; give it as a model, beside the base it belongs to", path.string())};
    const auto before = look(path);
    auto header = format_for(path, fs::is_directory(status)).read_header(path);
    require_total(header);
    check_names_of_hdf5(header);
    note_times_of_hdf5(header, before);
    return header;
  } catch (const IoError& io) {
    throw InputError{io.what()};  // nothing has begun: what cannot be read is bad input
  } catch (const fs::filesystem_error& failure) {
    throw InputError{fmt::format("{}: cannot be read: {}", path.string(), failure.code().message())};
  }
}

InputFile state_of(const File& file, std::string name) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) throw IoError{fmt::format("{}: cannot be read: {}", file.path().string(), std::strerror(errno))};
  const auto state = state_in(status);
  return {file.path(), std::move(name), state.size, {}, state.changed_ns};
}

void check_unchanged(const Header& header) {
  for (const auto* const list : {&header.files, &header.consulted}) {
    for (const auto& file : *list) {
      const auto now = look(file.path);
      if (now.size == file.size && now.changed_ns == file.changed_ns) continue;
      throw InputError{fmt::format("{}: changed while it was read ({} bytes now, {} before); run it again when the file is at rest",
                                   file.path.string(), now.size, file.size)};
    }
  }
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  return row_of(header.format).read_side_file(header, name);
}

std::vector<std::byte> read_input_side_file(const Header& header, const std::string& name) {
  try {
    return read_side_file(header, name);
  } catch (const IoError& error) { throw InputError{error.what()}; }
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  return row_of(header.format).read_source_headers(header);
}

}  // namespace dare::checkpoint
