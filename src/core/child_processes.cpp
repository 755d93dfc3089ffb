#include "core/child_processes.hpp"

#include <dare/core/error.hpp>
#include <dare/core/open_file_limit.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace dare {
namespace {

std::vector<pid_t> children() {
  std::vector<pid_t> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", ignored}) {
    const auto name = entry.path().filename().native();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file{entry.path() / "stat"};
    std::string text;
    std::getline(file, text);
    // "pid (name) state ppid": a name may hold spaces and parentheses.
    const auto after_name = text.rfind(')');
    if (after_name == std::string::npos || after_name + 4 >= text.size()) continue;
    if (std::atoi(text.c_str() + after_name + 4) == ::getpid()) out.push_back(std::atoi(name.c_str()));
  }
  return out;
}

}  // namespace

PipeEnds make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw IoError{fmt::format("pipe: {}", std::strerror(errno))};
  return {fds[0], fds[1]};
}

void become_supervisor() noexcept {
  ::setsid();
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  restore_open_file_limit();
}

void kill_children_except(const std::vector<pid_t>& keep) {
  // Each round kills all children there are; what they had started becomes ours and falls in the next round.
  for (;;) {
    bool any = false;
    for (const auto child : children()) {
      if (std::find(keep.begin(), keep.end(), child) != keep.end()) continue;
      if (::kill(child, SIGKILL) != 0 && errno == EPERM) continue;  // another user's by now: it cannot be waited for, either
      any = true;
      ::waitpid(child, nullptr, 0);
    }
    if (!any) return;
  }
}

}  // namespace dare
