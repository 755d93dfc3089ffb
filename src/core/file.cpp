#include <dare/core/file.hpp>

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace dare {
namespace {

namespace fs = std::filesystem;

// Linux moves at most 0x7ffff000 bytes a call; 1 GiB keeps the pieces aligned.
constexpr std::size_t k_most_per_call = std::size_t{1} << 30U;

std::string reason() {
  return std::strerror(errno);
}

int open_or_throw(const fs::path& path, int flags, const char* doing) {
  int fd = -1;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) throw IoError{fmt::format("{}: cannot {}: {}", path.string(), doing, reason())};
  return fd;
}

bool rename_at_once(const fs::path& from, const fs::path& to, unsigned flags) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0;
}

bool flags_unknown_here() {
  return errno == EINVAL || errno == ENOSYS || errno == ENOTSUP;
}

InputError exists_already(const fs::path& path) {
  return InputError{fmt::format("{}: exists already; name another output, or replace it with --overwrite", path.string())};
}

IoError cannot_rename(const fs::path& from, const fs::path& to) {
  return IoError{fmt::format("{}: cannot rename to {}: {}", from.string(), to.string(), reason())};
}

void take_name(const fs::path& path, bool folder) {
  int fd = -1;
  const int result = folder ? ::mkdir(path.c_str(), 0777) : (fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (result < 0 && errno == EEXIST) throw exists_already(path);
  if (result < 0) throw IoError{fmt::format("{}: cannot be made: {}", path.string(), reason())};
  if (fd >= 0) ::close(fd);
}

}  // namespace

File File::open_read(const fs::path& path) {
  return {path, open_or_throw(path, O_RDONLY, "open for reading")};
}
File File::open_write(const fs::path& path) {
  return {path, open_or_throw(path, O_WRONLY, "open for writing")};
}
File File::create(const fs::path& path) {
  return {path, open_or_throw(path, O_RDWR | O_CREAT | O_EXCL, "create")};
}

File File::open_or_create(const fs::path& path) {
  return {path, open_or_throw(path, O_WRONLY | O_CREAT, "open or create")};
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t File::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) throw IoError{fmt::format("{}: cannot stat: {}", path_.string(), reason())};
  return static_cast<std::uint64_t>(status.st_size);
}

void File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto n = ::pread(fd_, out.data() + done, std::min(out.size() - done, k_most_per_call), static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError{fmt::format("{}: reading {} bytes at offset {}: {}", path_.string(), out.size(), offset, reason())};
    if (n == 0) {
      throw IoError{fmt::format("{}: ends at {}, {} bytes wanted at offset {}; it was truncated while in use", path_.string(),
                                offset + done, out.size(), offset)};
    }
    done += static_cast<std::size_t>(n);
  }
}

void File::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const auto n = ::pwrite(fd_, data.data() + done, std::min(data.size() - done, k_most_per_call), static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw IoError{fmt::format("{}: writing {} bytes at offset {}: {}", path_.string(), data.size(), offset, reason())};
    done += static_cast<std::size_t>(n);
  }
}

void File::resize(std::uint64_t bytes) {
  if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0) {
    throw IoError{fmt::format("{}: cannot be made {} bytes long: {}", path_.string(), bytes, reason())};
  }
}

void File::sync() {
  if (::fsync(fd_) != 0) throw IoError{fmt::format("{}: fsync: {}", path_.string(), reason())};
}

LockState File::try_lock() const noexcept {
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return LockState::held;
  return errno == EWOULDBLOCK || errno == EINTR ? LockState::taken : LockState::impossible;
}

void File::close() {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0 && ::close(fd) != 0) throw IoError{fmt::format("{}: close: {}", path_.string(), reason())};
}

std::string read_text(const fs::path& path, std::uint64_t most) {
  const auto file = File::open_read(path);
  const auto size = file.size();
  if (size > most) throw IoError{fmt::format("{}: {} bytes, at most {} are read here", path.string(), size, most)};
  std::string text(size, '\0');
  file.read_at(0, std::as_writable_bytes(std::span{text}));
  return text;
}

void write_new_file(const fs::path& path, std::span<const std::byte> data) {
  auto file = File::create(path);
  file.write_at(0, data);
  file.sync();
  file.close();
}

void sync_folder(const fs::path& folder) {
  const auto& name = folder.empty() ? fs::path{"."} : folder;
  const int fd = open_or_throw(name, O_RDONLY | O_DIRECTORY, "open the folder");
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  // Some network file systems refuse fsync on folders; their metadata operations are synchronous.
  if (error != 0 && error != EINVAL && error != ENOTSUP) {
    throw IoError{fmt::format("{}: fsync: {}", name.string(), std::strerror(error))};
  }
}

void rename_to_new(const fs::path& from, const fs::path& to) {
  if (rename_at_once(from, to, RENAME_NOREPLACE)) return;
  if (errno == EEXIST) throw exists_already(to);
  if (!flags_unknown_here()) throw cannot_rename(from, to);
  // Without RENAME_NOREPLACE the place is taken first, by what refuses an existing name by itself; a rename onto an empty file or folder is
  // allowed. (A link to the file would do too, but not every file system has links.)
  take_name(to, fs::is_directory(from));
  if (::rename(from.c_str(), to.c_str()) == 0) return;
  const auto error = cannot_rename(from, to);
  std::error_code ignored;
  fs::remove(to, ignored);
  throw error;
}

void replace_by(const fs::path& from, const fs::path& to, const fs::path& aside) {
  if (!fs::is_directory(from)) {  // a file takes another's place in one step anywhere
    if (::rename(from.c_str(), to.c_str()) != 0) throw cannot_rename(from, to);
    return;
  }
  if (rename_at_once(from, to, RENAME_EXCHANGE)) return;
  if (errno == ENOENT) return rename_to_new(from, to);
  if (!flags_unknown_here()) throw cannot_rename(from, to);
  assert(!aside.empty());
  if (::rename(to.c_str(), aside.c_str()) != 0) throw cannot_rename(to, aside);
  if (::rename(from.c_str(), to.c_str()) != 0) throw cannot_rename(from, to);
  if (::rename(aside.c_str(), from.c_str()) != 0) throw cannot_rename(aside, from);
}

}  // namespace dare
