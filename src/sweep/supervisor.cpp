#include "sweep/supervisor.hpp"

#include "core/child_processes.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace dare::sweep {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int k_look_ms = 20;

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What an MPI rank has open (connections, the sweep's lock) is none of the supervisor's: held here it would outlive the rank.
void close_all_but(const std::vector<int>& kept) {
  std::vector<int> open;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", ignored}) {
    open.push_back(std::atoi(entry.path().filename().c_str()));
  }
  for (const int fd : open) {
    if (fd > STDERR_FILENO && std::find(kept.begin(), kept.end(), fd) == kept.end()) ::close(fd);
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  if (null > STDERR_FILENO) ::close(null);
}

[[noreturn]] void run_shell(const CommandStart& start, pid_t supervisor) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(1);  // it died before that
  ::dup2(start.output, STDOUT_FILENO);
  ::dup2(start.log, STDERR_FILENO);
  std::vector<std::string> words{"/bin/sh", "-c", start.command};
  auto environment = start.environment;
  ::execve("/bin/sh", pointers_to(words).data(), pointers_to(environment).data());
  ::_exit(127);
}

// Waits for the command, or for word to end it. Returns its status; things that it has started may still run.
int watch(pid_t shell, int control) {
  int status = SIGKILL;
  bool ended = false;
  std::optional<SteadyClock::time_point> last;  // that it may run
  for (;;) {
    pollfd word{control, POLLIN, 0};
    ::poll(&word, 1, k_look_ms);
    char byte = 0;
    if (word.revents != 0) {
      if (::read(control, &byte, 1) != 1) return status;  // this process's owner is gone, or wants everything gone
      ::kill(-shell, SIGTERM);
      last = SteadyClock::now() + k_grace;
    }
    int one = 0;
    pid_t child = 0;
    while ((child = ::waitpid(-1, &one, WNOHANG)) > 0) {
      if (child != shell) continue;
      status = one;
      ended = true;
    }
    const bool all = child < 0 && errno == ECHILD;
    if (ended && (!last || all)) return status;
    if (last && SteadyClock::now() > *last) return status;
  }
}

[[noreturn]] void supervise_command(const CommandStart& start, int control, int status_end) {
  become_supervisor();  // it ends with its owner by the pipe `control`: SIGKILL would leave it no time to end the command's processes
  ::prctl(PR_SET_NAME, "dare-supervisor");  // whoever kills all dare-sweep by name leaves us to clean up
  close_all_but({start.output, start.log, control, status_end});
  const auto self = ::getpid();
  const auto shell = ::fork();
  if (shell == 0) run_shell(start, self);
  ::close(start.output);
  ::close(start.log);
  int status = SIGKILL;
  if (shell > 0) {
    ::setpgid(shell, shell);  // here too: whoever comes first
    status = watch(shell, control);
    ::kill(-shell, SIGKILL);
  }
  kill_children_except({});
  (void)!::write(status_end, &status, sizeof status);
  ::_exit(0);
}

}  // namespace

// fork() and not posix_spawn(): only a process of ours can adopt orphans. Until its own exec it touches little memory.
Supervisor::Supervisor(const CommandStart& start) {
  const auto control = make_pipe();
  PipeEnds status;
  try {
    status = make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) throw IoError{fmt::format("fork: {}", std::strerror(errno))};
  } catch (...) {
    for (const int fd : {control.read, control.write, status.read, status.write}) {
      if (fd >= 0) ::close(fd);
    }
    throw;
  }
  if (pid_ == 0) supervise_command(start, control.read, status.write);
  ::close(control.read);
  ::close(status.write);
  ::fcntl(status.read, F_SETFL, O_NONBLOCK);
  control_ = control.write;
  status_ = status.read;
}

Supervisor::~Supervisor() {
  ::close(control_);
  ::waitpid(pid_, nullptr, 0);
  ::close(status_);
}

void Supervisor::end() const noexcept {
  const char word = 'e';
  (void)!::write(control_, &word, 1);
}

std::optional<int> Supervisor::status() const noexcept {
  int status = 0;
  const auto n = ::read(status_, &status, sizeof status);
  if (n == static_cast<ssize_t>(sizeof status)) return status;
  if (n < 0) return std::nullopt;
  return SIGKILL;  // it was killed itself
}

}  // namespace dare::sweep
