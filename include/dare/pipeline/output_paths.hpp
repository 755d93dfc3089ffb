#pragma once
/// Where an output and all that comes and goes with it is.

#include <filesystem>

namespace dare::pipeline {

/// The names around an output, all in its folder so that renames stay in one file system.
struct OutputPaths {
  explicit OutputPaths(const std::filesystem::path& output);

  std::filesystem::path output;     ///< without a slash at its end
  std::filesystem::path folder;     ///< "." where the output has none
  std::filesystem::path temporary;  ///< where it is built
  std::filesystem::path journal;    ///< which is also the lock
  std::filesystem::path aside;      ///< where an old output waits while it is replaced without an exchange
  std::filesystem::path manifest;   ///< in a folder, or beside a single file
  std::filesystem::path new_manifest;
  bool single_file;
};

}  // namespace dare::pipeline
