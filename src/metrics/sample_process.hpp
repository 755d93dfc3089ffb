#pragma once
/// The two processes of one program: a first process that watches, and the interpreter below it.

#include "metrics/isolation.hpp"

#include <string>

namespace dare::metrics {

/// What one program runs with. Descriptors are above the standard ones and close on exec.
struct Sample {
  const SandboxOptions& options;
  const Hiding& hiding;
  std::string python;  ///< absolute path
  std::filesystem::path scratch;
  unsigned parts;
  uid_t user;                   ///< 0: stay who we are
  std::uint64_t process_limit;  ///< RLIMIT_NPROC
  int program_fd;               ///< the token, a line feed, the program
  int token_fd;                 ///< the token comes back here once all statements have run
  int output_fd;
  int report_fd;  ///< one Report
};

/// How the watching process saw the program end.
struct Report {
  enum Kind : int { ended, over_memory, broken };
  Kind kind;
  int value;  ///< ended: the wait status; broken: errno
  int step;   ///< broken: where, an index for step_name()
};
[[nodiscard]] const char* step_name(int step) noexcept;

/// Body of the watching process: the first of its PID namespace, so that its end is everyone's. Does not return.
[[noreturn]] void watch_sample(const Sample& sample);

}  // namespace dare::metrics
