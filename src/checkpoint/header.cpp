#include <dare/checkpoint/header.hpp>

#include "checkpoint/formats.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

namespace dare::checkpoint {

namespace fs = std::filesystem;

namespace {

struct FileState {
  std::uint64_t size = 0;
  std::int64_t changed_ns = -1;
};

// Of a file that is not there: one that none has.
FileState look(const fs::path& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
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

Header read_header(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw InputError{fmt::format("{}: no such file or folder", path.string())};
  try {
    if (!fs::is_directory(status) && !fs::is_regular_file(status)) throw InputError{fmt::format("{}: no regular file", path.string())};
    if (is_lora_adapter(path))
      throw InputError{fmt::format("{}: a LoRA adapter; give it as a model, beside the base it belongs to", path.string())};
    auto header = format_for(path, fs::is_directory(status)).read_header(path);
    require_total(header);
    note_times(header);
    return header;
  } catch (const IoError& io) {
    throw InputError{io.what()};  // nothing has begun: what cannot be read is bad input
  } catch (const fs::filesystem_error& failure) { throw InputError{fmt::format("{}: {}", path.string(), failure.code().message())}; }
}

void note_times(Header& header) noexcept {
  for (auto& file : header.files) file.changed_ns = look(file.path).changed_ns;
}

void check_unchanged(const Header& header) {
  for (const auto& file : header.files) {
    const auto now = look(file.path);
    if (now.size == file.size && now.changed_ns == file.changed_ns) continue;
    throw InputError{
        fmt::format("{}: changed while it was read ({} bytes now, {} before); nothing was written, run it again when the file is at rest",
                    file.path.string(), now.size, file.size)};
  }
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  return row_of(header.format).read_side_file(header, name);
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  return row_of(header.format).read_source_headers(header);
}

}  // namespace dare::checkpoint
