#pragma once
/// One program from its start to the death of its last process, in a process that may itself be lost.

#include "metrics/isolation.hpp"

#include <string>

namespace dare::metrics {

struct Work {
  const SandboxOptions& options;
  const Hiding& hiding;
  std::string python;
  std::filesystem::path scratch;
  unsigned parts;
  uid_t user;
  std::string program;
};

/// What a supervisor says about its program; the detail follows on the pipe, up to its end.
struct Finding {
  int verdict;  ///< a Verdict, or k_sandbox_failed
  double elapsed_s;
};
inline constexpr int k_sandbox_failed = -1;

/// Body of the supervising process: runs the program, kills all that is left of it, writes a Finding to `finding_fd`. Does not return.
[[noreturn]] void supervise(const Work& work, int finding_fd);

}  // namespace dare::metrics
