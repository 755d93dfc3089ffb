#pragma once
/// The sweep's folder and the room on its disk.

#include "sweep/record.hpp"

#include <dare/core/file.hpp>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace dare::sweep {

/// Makes the folder where it is not there, and holds it against another run. Local: rank 0 has one. `places` must outlive it.
class FolderLock {
 public:
  /// @throws InputError  another run holds it, its place is taken, or it cannot be written to.  @throws IoError
  explicit FolderLock(const Places& places);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  /// Removes the folders that it has made, where nothing came into them.
  ~FolderLock();

 private:
  const Places& places_;
  bool made_folder_ = false;
  bool made_records_ = false;
  File lock_;
};

/// A folder that holds a model's files and no sweep's is none for a sweep's results, nor is a link to nowhere. Local. @throws InputError
void refuse_unsuited_folder(const Places& places);

/// Refuses a link to nowhere. Local. @param advice  what to do  @throws InputError
void refuse_lost_link(const std::filesystem::path& path, std::string_view advice);

/// Bytes free where the folder is, or will be. Local. @throws IoError
[[nodiscard]] std::uint64_t free_space(const std::filesystem::path& folder);

/// Bytes that a file or a folder with all that is in it takes on the disk; 0 where there is none. Local.
[[nodiscard]] std::uint64_t bytes_on_disk(const std::filesystem::path& path) noexcept;

/// Removes a file, or a folder with all that is in it; what cannot be removed stays, for the next run to remove. Local.
void remove_quietly(const std::filesystem::path& path) noexcept;

}  // namespace dare::sweep
