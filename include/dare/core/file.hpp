#pragma once
/// POSIX files behind one owner: every error names the file, the offset and the byte count.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace dare {

/// What became of asking for a file's lock.
enum class LockState : std::uint8_t {
  held,
  taken,       ///< another process holds it
  impossible,  ///< the file system has none
};

/// Move-only owner of a file descriptor. Local.
class File {
 public:
  File() = default;
  /// @throws IoError  the file cannot be opened.
  [[nodiscard]] static File open_read(const std::filesystem::path& path);
  /// Opens an existing file for writing at offsets.
  [[nodiscard]] static File open_write(const std::filesystem::path& path);
  /// Makes a new file, mode 0666 less the umask. @throws IoError  it exists or cannot be made.
  [[nodiscard]] static File create(const std::filesystem::path& path);

  /// Opens the file for writing, made where it is not there, in one step: others may make or remove it meanwhile. @throws IoError
  [[nodiscard]] static File open_or_create(const std::filesystem::path& path);

  File(File&& other) noexcept : path_{std::move(other.path_)}, fd_{std::exchange(other.fd_, -1)} {}
  File& operator=(File other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t size() const;

  /// Fills `out` from `offset` on. @throws IoError  an error, or the file ends before.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  /// Writes all of `data` at `offset`.
  void write_at(std::uint64_t offset, std::span<const std::byte> data);
  /// Makes the file `bytes` long; new space is a hole.
  void resize(std::uint64_t bytes);
  /// Forces data and size to the disk.
  void sync();
  /// Takes the lock that programs of this kind keep each other off with, or says why not; never waits. It ends with the file's closing.
  [[nodiscard]] LockState try_lock() const noexcept;
  /// Closes and reports what closing finds (a destructor cannot).
  void close();

 private:
  File(std::filesystem::path path, int fd) noexcept : path_{std::move(path)}, fd_{fd} {}

  std::filesystem::path path_;
  int fd_ = -1;
};

/// The whole file as text. @throws IoError  it cannot be read, or is larger than `most` bytes.
[[nodiscard]] std::string read_text(const std::filesystem::path& path, std::uint64_t most = std::uint64_t{1} << 30U);
/// Writes a new file and forces it to the disk. @throws IoError  it exists or cannot be written.
void write_new_file(const std::filesystem::path& path, std::span<const std::byte> data);
/// Forces a folder's entries (new, renamed or removed names) to the disk.
void sync_folder(const std::filesystem::path& folder);
/// Renames; refuses with InputError where `to` exists, also when it appears at the last moment. On file systems that cannot rename without
/// replacing, an empty file or folder takes the name first; a process that is killed right then leaves it.
void rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to);
/// Puts `from` in the place of `to`. A file replaces another in one step. Of folders the two names are exchanged where the file system can
/// (the old one is then under `from`, still to be removed), else the old one stands at `aside` for a moment, and stays there if the process
/// is killed right then. @pre `from` is a file, or `aside` is given  @throws IoError
void replace_by(const std::filesystem::path& from, const std::filesystem::path& to, const std::filesystem::path& aside = {});

}  // namespace dare
