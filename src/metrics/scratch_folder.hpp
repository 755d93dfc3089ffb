#pragma once
/// A folder for one program.

#include <sys/types.h>

#include <filesystem>
#include <utility>

namespace dare::metrics {

class ScratchFolder {
 public:
  /// Makes a new folder in `below`, for `owner` alone (0: the caller). @throws IoError
  ScratchFolder(const std::filesystem::path& below, uid_t owner);
  ScratchFolder(ScratchFolder&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  /// Removes it with all that a program left in it.
  ~ScratchFolder();
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace dare::metrics
