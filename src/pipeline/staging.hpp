#pragma once
/// The hidden temporary and the journal beside an output, and how the temporary takes the output's place. Local: rank 0 alone owns one.

#include "pipeline/journal.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>

#include <filesystem>
#include <optional>

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

/// Holds the lock on an output from its making to its end.
class Staging {
 public:
  /// Takes the lock; puts back an old output that a killed run had moved aside. @throws InputError  another run holds the lock.
  explicit Staging(const std::filesystem::path& output);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  /// Removes temporary and journal, unless they can be continued: from record() on, or from an interrupted run, until discard().
  ~Staging();

  [[nodiscard]] const OutputPaths& paths() const noexcept { return paths_; }
  /// What an interrupted run left, if it can be continued.
  [[nodiscard]] const std::optional<JournalHead>& unfinished() const noexcept { return unfinished_; }
  /// Removes what an interrupted run left.
  void start_afresh();
  /// The temporary's files are made: from here on the run can be continued.
  void record(const JournalHead& head);
  void discard() noexcept { keep_ = false; }
  /// Puts manifest and output in place and forces the names to the disk. @throws InputError  an output has appeared meanwhile.
  void commit(bool overwrite);

 private:
  void remove_temporary() noexcept;

  OutputPaths paths_;
  File journal_;
  std::optional<JournalHead> unfinished_;
  bool keep_ = false;
};

}  // namespace dare::pipeline
