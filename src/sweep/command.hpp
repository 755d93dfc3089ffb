#pragma once
/// A shell command with a time limit.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace dare::sweep {

struct CommandResult {
  enum class End : std::uint8_t { exited, killed, timed_out, stopped };
  End end = End::exited;
  int code = 0;                 ///< exit code, or the number of the signal that killed it
  std::string standard_output;  ///< its last 1 MiB
};

/// Runs `command` with /bin/sh in a process group of its own, without input and without what an MPI launcher put into the environment, so
/// that it may start MPI programs itself. When the time is over, or `stop` says so (it is asked about 20 times a second), the whole group
/// is ended, by SIGTERM and two seconds later by SIGKILL; what it leaves running is killed too. Local.
/// @param log  new file for its standard error.
/// @throws IoError  it cannot be started.
[[nodiscard]] CommandResult run_command(const std::string& command, std::chrono::duration<double> limit, const std::filesystem::path& log,
                                        const std::function<bool()>& stop);

/// `text` as one word of a shell. Pure.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace dare::sweep
