#pragma once
/// The hidden temporary beside the output, and how it takes the output's place. Local: rank 0 alone owns one.

#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>

#include <filesystem>
#include <string>

namespace dare::pipeline {

/// Holds the lock on an output and the temporary's name; whatever is not committed is removed at its end.
class Staging {
 public:
  /// Takes the lock and removes what a killed run left. @throws InputError  another run holds the lock.
  explicit Staging(const std::filesystem::path& output);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  /// Where the output is built.
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }
  /// Where its manifest is written: in a folder's temporary, else beside it.
  [[nodiscard]] const std::filesystem::path& manifest() const noexcept { return manifest_; }
  /// Puts manifest and output in place and forces the names to the disk.
  void commit(bool overwrite);

 private:
  void remove_temporary() noexcept;

  std::filesystem::path output_;
  std::filesystem::path folder_;
  std::filesystem::path temporary_;
  std::filesystem::path manifest_;
  std::filesystem::path lock_path_;
  File lock_;
  bool single_file_;
};

}  // namespace dare::pipeline
