#pragma once
/// What tells that a file was changed.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dare {

struct FileState {
  std::uint64_t size = 0;        ///< bytes
  std::int64_t changed_ns = -1;  ///< time of last change, since 1970
};

[[nodiscard]] inline FileState state_in(const struct stat& status) noexcept {
  return {static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

/// Nothing where there is no such file, or none that this process may look at. Local.
[[nodiscard]] inline std::optional<FileState> state_of(const std::filesystem::path& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return state_in(status);
}

}  // namespace dare
