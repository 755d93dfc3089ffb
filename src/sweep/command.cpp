#include "sweep/command.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

extern char** environ;  // NOLINT: POSIX's name

namespace dare::sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t k_kept_output = std::size_t{1} << 20U;
constexpr std::chrono::milliseconds k_look{50};
constexpr std::chrono::seconds k_grace{2};

// Variables by which MPI libraries find the launcher that started them; a user's own settings (OMPI_MCA_btl, ...) stay.
bool is_launchers(std::string_view variable) {
  constexpr std::array<std::string_view, 16> beginnings{
      "PMIX_",          "PMI_",         "PMI2_",          "PRTE_",           "OMPI_COMM_WORLD_", "OMPI_UNIVERSE_SIZE",
      "OMPI_APP_CTX_",  "OMPI_NUM_APP", "OMPI_FIRST_",    "OMPI_FILE_",      "OMPI_COMMAND",     "OMPI_ARGV",
      "OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix=", "OMPI_MCA_initial"};
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto beginning) { return variable.starts_with(beginning); });
}

std::vector<char*> environment_without_launcher() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!is_launchers(*entry)) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

void check(int error, const char* doing) {
  if (error != 0) throw IoError{fmt::format("{}: {}", doing, std::strerror(error))};
}

// What posix_spawn is told.
class SpawnRules {
 public:
  SpawnRules(int output, const std::filesystem::path& log) {
    check(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
    check(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_addopen(&actions_, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
  }
  SpawnRules(const SpawnRules&) = delete;
  SpawnRules& operator=(const SpawnRules&) = delete;
  ~SpawnRules() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  pid_t start(const std::string& command) const {
    std::string shell{"/bin/sh"};
    std::string option{"-c"};
    std::string text{command};
    std::array<char*, 4> words{shell.data(), option.data(), text.data(), nullptr};
    auto environment = environment_without_launcher();
    pid_t child = 0;
    check(::posix_spawn(&child, shell.c_str(), &actions_, &attributes_, words.data(), environment.data()), "/bin/sh cannot be started");
    return child;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// The started process, until its group is gone.
class Process {
 public:
  Process(pid_t pid, int output) : pid_{pid}, output_{output} {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    ::kill(-pid_, SIGKILL);
    if (!status_) ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }

  // Waits a little for output; false once the process has ended and nothing more is there to read.
  bool go_on(std::string& text) {
    struct pollfd ready {
      output_, POLLIN, 0
    };
    if (at_end_) ::usleep(std::chrono::microseconds{k_look}.count());
    else ::poll(&ready, 1, status_ ? 0 : static_cast<int>(k_look.count()));
    const bool read_something = !at_end_ && ready.revents != 0 && read(text);
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = status;
      return true;  // what it has written last is still to be read
    }
    return !status_ || read_something;
  }
  void send(int signal) const { ::kill(-pid_, signal); }
  [[nodiscard]] int status() const { return *status_; }

 private:
  bool read(std::string& text) {
    std::array<char, 65536> part{};
    const auto n = ::read(output_, part.data(), part.size());
    if (n <= 0) {
      at_end_ = n == 0;
      return false;
    }
    text.append(part.data(), static_cast<std::size_t>(n));
    if (text.size() > 2 * k_kept_output) text.erase(0, text.size() - k_kept_output);
    return true;
  }

  pid_t pid_;
  int output_;
  bool at_end_ = false;
  std::optional<int> status_;
};

}  // namespace

CommandResult run_command(const std::string& command, std::chrono::duration<double> limit, const std::filesystem::path& log,
                          const std::function<bool()>& stop) {
  using End = CommandResult::End;
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw IoError{fmt::format("pipe: {}", std::strerror(errno))};
  ::fcntl(fds[1], F_SETFL, 0);  // the command's own end waits, as programs expect
  pid_t pid = 0;
  try {
    pid = SpawnRules{fds[1], log}.start(command);
  } catch (...) {
    ::close(fds[0]);
    ::close(fds[1]);
    throw;
  }
  ::close(fds[1]);
  Process process{pid, fds[0]};
  CommandResult result;
  const auto end = Clock::now() + limit;
  std::optional<Clock::time_point> asked;
  while (process.go_on(result.standard_output)) {
    if (asked) {
      if (Clock::now() > *asked + k_grace) process.send(SIGKILL);
      continue;
    }
    const bool late = Clock::now() > end;
    if (!late && !stop()) continue;
    result.end = late ? End::timed_out : End::stopped;
    process.send(SIGTERM);
    asked = Clock::now();
  }
  if (result.end == End::exited && WIFSIGNALED(process.status())) result.end = End::killed;
  result.code = WIFSIGNALED(process.status()) ? WTERMSIG(process.status()) : WEXITSTATUS(process.status());
  return result;
}

std::string shell_quoted(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"/._+=,-"}.find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string quoted{'\''};
  for (const char c : text) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + '\'';
}

}  // namespace dare::sweep
