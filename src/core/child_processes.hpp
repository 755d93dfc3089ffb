#pragma once
/// What supervisors of other programs have in common: pipes to them, their beginning, the end of all that their programs have started.
/// What they wait for, and how they end it, is their own: a sandbox's is at the mercy of a hostile program and ends it at once; a sweep's
/// gives a command of the user's time to end in order.

#include <sys/types.h>

#include <vector>

namespace dare {

struct PipeEnds {
  int read = -1;
  int write = -1;
};

/// Both ends close with exec. The caller closes them. @throws IoError
[[nodiscard]] PipeEnds make_pipe();

/// Makes this process, a child just forked, a supervisor: of a session of its own, so that what a launcher or a terminal sends to its
/// group goes to its owner alone, who ends it; signals do again what they do by default; orphans of its descendants become its children;
/// the limit of open files is the one that the program was started with.
void become_supervisor() noexcept;

/// Kills and reaps every child of this process that is not in `keep`, and what they leave behind, until none is left.
/// @pre this process is a subreaper
void kill_children_except(const std::vector<pid_t>& keep);

}  // namespace dare
