#include "checkpoint/pytorch_zip.hpp"

#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace dare::checkpoint::pytorch {
namespace {

// What libzip reads from: the file, and where it last read. libzip tells nowhere at which offset an entry's bytes begin; it reads
// them from there.
struct Source {
  const File& file;
  std::uint64_t size;
  std::uint64_t position = 0;
  std::uint64_t last_read = 0;
  zip_error_t error{};
};

zip_int64_t failed(Source& source, int code, int reason) {
  zip_error_set(&source.error, code, reason);
  return -1;
}

zip_int64_t read(Source& source, void* data, zip_uint64_t length) {
  const auto n = std::min(length, source.size - std::min(source.position, source.size));
  try {
    source.file.read_at(source.position, {static_cast<std::byte*>(data), n});
  } catch (const IoError&) { return failed(source, ZIP_ER_READ, EIO); }  // no exception may pass libzip
  source.last_read = source.position;
  source.position += n;
  return static_cast<zip_int64_t>(n);
}

zip_int64_t seek(Source& source, void* data, zip_uint64_t length) {
  const auto to = zip_source_seek_compute_offset(source.position, source.size, data, length, &source.error);
  if (to < 0) return -1;
  source.position = static_cast<std::uint64_t>(to);
  return 0;
}

zip_int64_t tell_size(const Source& source, void* data) {
  auto& status = *static_cast<zip_stat_t*>(data);
  zip_stat_init(&status);
  status.size = source.size;
  status.valid |= ZIP_STAT_SIZE;
  return sizeof status;
}

zip_int64_t serve(void* user, void* data, zip_uint64_t length, zip_source_cmd_t command) {
  auto& source = *static_cast<Source*>(user);
  switch (command) {
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                                            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_OPEN:
      source.position = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return read(source, data, length);
    case ZIP_SOURCE_SEEK:
      return seek(source, data, length);
    case ZIP_SOURCE_TELL:
      return static_cast<zip_int64_t>(source.position);
    case ZIP_SOURCE_STAT:
      return tell_size(source, data);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&source.error, data, length);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    default:
      return failed(source, ZIP_ER_OPNOTSUPP, 0);
  }
}

struct EntryFile {
  explicit EntryFile(zip_file_t* opened) : handle{opened} {}
  EntryFile(const EntryFile&) = delete;
  EntryFile& operator=(const EntryFile&) = delete;
  ~EntryFile() {
    if (handle != nullptr) zip_fclose(handle);
  }
  zip_file_t* handle;
};

}  // namespace

struct Archive::Zip {
  explicit Zip(const File& file) : source{file, file.size()} {}
  ~Zip() {
    if (handle != nullptr) zip_discard(handle);
  }
  [[nodiscard]] std::string reason() const { return zip_error_strerror(zip_get_error(handle)); }

  Source source;
  zip_t* handle = nullptr;
};

Archive::Archive(const File& file) : file_{file}, zip_{std::make_unique<Zip>(file)} {
  const auto damaged = [&](const std::string& what) {
    return InputError{fmt::format("{}: {}; fetch the file again", file.path().string(), what)};
  };
  zip_error_t error;
  zip_error_init(&error);
  auto* source = zip_source_function_create(serve, &zip_->source, &error);
  if (source != nullptr) zip_->handle = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  if (zip_->handle == nullptr) {
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    if (source != nullptr) zip_source_free(source);
    throw damaged(fmt::format("no valid zip archive ({})", reason));
  }
  const auto n = static_cast<std::uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(zip_->handle, 0), 0));
  for (std::uint64_t i = 0; i < n; ++i) {
    zip_stat_t status;
    constexpr zip_uint64_t k_needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(zip_->handle, i, ZIP_FL_ENC_RAW, &status) != 0 || (status.valid & k_needed) != k_needed) {
      throw damaged(fmt::format("zip entry {}: {}", i, zip_->reason()));
    }
    entries_.push_back(
        {status.name, i, status.size, status.crc, status.comp_method == ZIP_CM_STORE && status.encryption_method == ZIP_EM_NONE});
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!by_name_.emplace(entries_[i].name, i).second)
      throw damaged(fmt::format("two zip entries have the name \"{}\"", printable(entries_[i].name)));
  }
}

Archive::~Archive() = default;

const Archive::Entry* Archive::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

void Archive::refuse_compressed(const Entry& entry) const {
  if (entry.stored) return;
  throw InputError{
      fmt::format("{}: zip entry \"{}\" is compressed or encrypted, torch.save stores plainly; load the model with PyTorch and "
                  "save it again",
                  file_.path().string(), printable(entry.name))};
}

InputError Archive::damaged(const Entry& entry, const std::string& what) const {
  return InputError{fmt::format("{}: zip entry \"{}\": {}; fetch the file again", file_.path().string(), printable(entry.name), what)};
}

std::vector<std::byte> Archive::read(const Entry& entry, std::uint64_t most) const {
  refuse_compressed(entry);
  if (entry.size > most) throw damaged(entry, fmt::format("{} bytes, at most {} are read here", entry.size, most));
  if (entry.size > zip_->source.size) throw damaged(entry, fmt::format("{} bytes in a file of {}", entry.size, zip_->source.size));
  const EntryFile opened{zip_fopen_index(zip_->handle, entry.number, 0)};
  if (opened.handle == nullptr) throw damaged(entry, zip_->reason());
  std::vector<std::byte> bytes(entry.size);
  std::size_t done = 0;
  // One read beyond the end lets libzip compare the checksum.
  for (std::byte beyond{};;) {
    auto* to = done < bytes.size() ? bytes.data() + done : &beyond;
    const auto n = zip_fread(opened.handle, to, std::max<std::size_t>(bytes.size() - done, 1));
    if (n < 0) throw damaged(entry, zip_error_strerror(zip_file_get_error(opened.handle)));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
    if (done > bytes.size()) throw damaged(entry, fmt::format("more than its {} bytes", entry.size));
  }
  if (done != bytes.size()) throw damaged(entry, fmt::format("{} bytes, its directory says {}", done, entry.size));
  return bytes;
}

std::uint64_t Archive::offset(const Entry& entry) const {
  refuse_compressed(entry);
  if (entry.size == 0) return 0;
  const EntryFile opened{zip_fopen_index(zip_->handle, entry.number, ZIP_FL_COMPRESSED)};
  if (opened.handle == nullptr) throw damaged(entry, zip_->reason());
  std::byte first{};
  if (zip_fread(opened.handle, &first, 1) != 1) throw damaged(entry, zip_error_strerror(zip_file_get_error(opened.handle)));
  const auto offset = zip_->source.last_read;
  if (entry.size > zip_->source.size - offset) {
    throw damaged(entry, fmt::format("{} bytes from {} on, the file has {}", entry.size, offset, zip_->source.size));
  }
  return offset;
}

}  // namespace dare::checkpoint::pytorch
