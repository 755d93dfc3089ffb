#include "sweep/command.hpp"

#include "sweep/supervisor.hpp"

#include "core/child_processes.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

extern char** environ;  // NOLINT: POSIX's name

namespace dare::sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t k_kept_output = std::size_t{1} << 20U;
constexpr std::chrono::milliseconds k_look{50};

// Variables by which MPI libraries and frameworks take a program for a rank of this run; a user's own settings (OMPI_MCA_btl, ...) and what
// says which nodes the job has stay.
bool is_launchers(std::string_view variable) {
  constexpr std::array<std::string_view, 21> beginnings{"PMIX_",
                                                        "PMI_",
                                                        "PMI2_",
                                                        "PRTE_",
                                                        "OMPI_COMM_WORLD_",
                                                        "OMPI_UNIVERSE_SIZE",
                                                        "OMPI_APP_CTX_",
                                                        "OMPI_NUM_APP",
                                                        "OMPI_FIRST_",
                                                        "OMPI_FILE_",
                                                        "OMPI_COMMAND",
                                                        "OMPI_ARGV",
                                                        "OMPI_MCA_orte_",
                                                        "OMPI_MCA_ess",
                                                        "OMPI_MCA_pmix=",
                                                        "OMPI_MCA_initial",
                                                        "SLURM_PROCID=",
                                                        "SLURM_LOCALID=",
                                                        "SLURM_NTASKS=",
                                                        "SLURM_NPROCS=",
                                                        "SLURM_STEP"};
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto beginning) { return variable.starts_with(beginning); });
}

std::vector<std::string> environment_for(const Variables& more) {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(more.begin(), more.end(), [&](const auto& one) { return one.first == name; });
    if (!replaced && !is_launchers(text)) kept.emplace_back(text);
  }
  for (const auto& [name, value] : more) kept.push_back(name + '=' + value);
  return kept;
}

// A descriptor and its end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

// What a command prints.
class Output {
 public:
  explicit Output(int fd) : fd_{fd} {}

  // Takes what is there, waiting a little for it; false where there was nothing.
  bool take() {
    pollfd ready{at_end_ ? -1 : fd_, POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(k_look.count()));
    if (ready.revents == 0) return false;
    std::array<char, 65536> part{};
    const auto n = ::read(fd_, part.data(), part.size());
    at_end_ = n == 0;
    if (n <= 0) return false;
    text.append(part.data(), static_cast<std::size_t>(n));
    if (text.size() > 2 * k_kept_output) text.erase(0, text.size() - k_kept_output);
    return true;
  }

  std::string text;

 private:
  int fd_;
  bool at_end_ = false;
};

}  // namespace

CommandResult run_command(const std::string& command, std::chrono::duration<double> limit, const std::filesystem::path& log,
                          const std::function<bool()>& stop, const Variables& variables) {
  using End = CommandResult::End;
  const auto pipe = make_pipe();
  const Descriptor read_end{pipe.read};
  Descriptor write_end{pipe.write};
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  Descriptor log_file{::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (log_file.get() < 0) throw IoError{fmt::format("{}: cannot be made: {}", log.string(), std::strerror(errno))};
  const Supervisor supervisor{{command, environment_for(variables), write_end.get(), log_file.get()}};
  write_end.close();
  log_file.close();
  Output output{read_end.get()};
  CommandResult result;
  const auto end = Clock::now() + limit;
  std::optional<int> status;
  while (!status) {
    (void)output.take();
    status = supervisor.status();
    if (status || result.end != End::exited) continue;
    const bool late = Clock::now() > end;
    if (!late && !stop()) continue;
    result.end = late ? End::timed_out : End::stopped;
    supervisor.end();
  }
  while (output.take()) {}
  result.standard_output = std::move(output.text);
  if (result.end == End::exited && WIFSIGNALED(*status)) result.end = End::killed;
  result.code = WIFSIGNALED(*status) ? WTERMSIG(*status) : WEXITSTATUS(*status);
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
