#pragma once
/// One program under its supervisor, as the caller sees it.

#include "metrics/scratch_folder.hpp"
#include "metrics/supervise.hpp"

#include <string>

namespace dare::metrics {

class RunningProgram {
 public:
  /// Starts it. @throws IoError  no process could be made.
  RunningProgram(std::size_t index, unsigned slot, const Work& work, ScratchFolder scratch);
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  /// Kills the supervisor, and with it the program.
  ~RunningProgram();

  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  [[nodiscard]] unsigned slot() const noexcept { return slot_; }
  [[nodiscard]] pid_t supervisor() const noexcept { return supervisor_; }
  /// Readable when there is something for read_on().
  [[nodiscard]] int fd() const noexcept { return finding_fd_; }

  /// Reads what the supervisor says, waiting for it; whether that was all and the supervisor is gone.
  [[nodiscard]] bool read_on();
  /// @pre read_on() was true. @throws IoError  the sandbox itself failed.
  [[nodiscard]] ProgramResult result() const;

 private:
  std::size_t index_;
  unsigned slot_;
  ScratchFolder scratch_;
  pid_t supervisor_ = -1;
  int finding_fd_ = -1;
  std::string received_;
};

}  // namespace dare::metrics
