#pragma once
/// The hidden temporary and the journal beside an output, and how the temporary takes the output's place. Local: rank 0 alone owns one.

#include "pipeline/journal.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <filesystem>
#include <optional>

namespace dare::pipeline {

/// Whether all files of the layout are there, none shorter than it says. Local.
[[nodiscard]] bool complete(const std::filesystem::path& root, const checkpoint::OutputLayout& layout);

/// What to tell who comes second.
[[nodiscard]] InputError under_way(const OutputPaths& paths);

/// Holds the lock on an output from its making to its end.
class Staging {
 public:
  /// Takes the lock; ends a commit that a kill cut short, or takes it back to where commit() can begin again.
  /// @throws InputError  another run holds the lock.
  explicit Staging(const std::filesystem::path& output);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  /// Removes temporary and journal, unless they can be continued: from record() on, or from an interrupted run, until discard().
  ~Staging();

  [[nodiscard]] const OutputPaths& paths() const noexcept { return paths_; }
  /// False on a file system without locks: a second run would not be noticed.
  [[nodiscard]] bool locked() const noexcept { return locked_; }
  /// What an interrupted run left, if it can be continued.
  [[nodiscard]] const std::optional<JournalHead>& unfinished() const noexcept { return unfinished_; }
  /// Removes what an interrupted run left.
  void start_afresh();
  /// The temporary's files are made: from here on the run can be continued.
  void record(const JournalHead& head);
  void discard() noexcept { keep_ = false; }
  /// Puts manifest and output in place. A kill between leaves no manifest beside an output of another run.
  /// @throws InputError  the place is taken meanwhile; what was recorded stays, and no manifest beside what has taken it.
  void place(bool overwrite);
  /// After place(): forces the names to the disk. Nothing is needed to continue from any more.
  void settle();
  void commit(bool overwrite) {
    place(overwrite);
    settle();
  }

 private:
  void mend_cut_commit();
  [[nodiscard]] bool manifest_came_first() const noexcept;
  void remove_temporary() noexcept;
  void place_manifest();

  OutputPaths paths_;
  bool locked_ = false;
  File journal_;
  std::optional<JournalHead> unfinished_;
  bool keep_ = false;
};

}  // namespace dare::pipeline
