#pragma once
/// The process between this one and a command: it ends whatever the command has started, also when this process is gone.

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

/// What a command is started with.
struct CommandStart {
  std::string command;                   ///< for /bin/sh
  std::vector<std::string> environment;  ///< "NAME=value"
  int output = -1;                       ///< descriptors of its standard output
  int log = -1;                          ///< and error
};

/// How long a command has between SIGTERM and SIGKILL: less than mpirun gives its ranks between the two, 1 s.
inline constexpr std::chrono::milliseconds k_grace{500};

/// A running command and its supervisor. The supervisor adopts what the command's processes leave behind, daemons and new sessions
/// included; when the command ends, when its time is over, or when this process dies in whatever way, all of it is killed.
class Supervisor {
 public:
  /// Starts the command in a session and a process group of its own. @throws IoError
  explicit Supervisor(const CommandStart& start);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  /// Kills everything at once if it still runs, and waits for that.
  ~Supervisor();

  /// SIGTERM to the command's group, and k_grace later SIGKILL to all. Local.
  void end() const noexcept;
  /// The command's status as of waitpid(), once it has ended and all that it started is gone. Local: does not wait.
  [[nodiscard]] std::optional<int> status() const noexcept;

 private:
  pid_t pid_ = -1;
  int control_ = -1;  // closed: kill all
  int status_ = -1;
};

}  // namespace dare::sweep
