#pragma once
/// A shell command with a time limit.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dare::sweep {

struct CommandResult {
  enum class End : std::uint8_t { exited, killed, timed_out, stopped };
  End end = End::exited;
  int code = 0;                 ///< exit code, or the number of the signal that killed it
  std::string standard_output;  ///< its last 1 MiB
};

/// Names and values.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// Runs `command` with /bin/sh, without input and without what a launcher of MPI programs put into the environment, so that it may start
/// such programs itself. When it ends, when its time is over, when `stop` says so (it is asked about 20 times a second) or when this
/// process dies, all processes that it has started are ended, by SIGTERM and k_grace later by SIGKILL where there is time for that. Local.
/// @param log        new file for its standard error.
/// @param variables  that its environment has besides.
/// @throws IoError  it cannot be started.
[[nodiscard]] CommandResult run_command(const std::string& command, std::chrono::duration<double> limit, const std::filesystem::path& log,
                                        const std::function<bool()>& stop, const Variables& variables = {});

/// `text` as one word of a shell. Pure.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace dare::sweep
