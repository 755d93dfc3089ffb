#include "metrics/supervise.hpp"

#include "core/child_processes.hpp"
#include "core/printable.hpp"
#include "metrics/last_line.hpp"
#include "metrics/sample_process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dare/core/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

namespace dare::metrics {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* doing) {
  throw IoError{fmt::format("{}: {}", doing, std::strerror(errno))};
}

// Away from the descriptors that the program is given, which a caller may have closed.
int moved_up(int fd) {
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, 10);
  if (high < 0) fail("fcntl");
  ::close(fd);
  return high;
}

PipeEnds pipe_moved_up() {
  const auto pipe = make_pipe();
  const PipeEnds moved{moved_up(pipe.read), moved_up(pipe.write)};
  ::fcntl(moved.read, F_SETFL, O_NONBLOCK);
  return moved;
}

std::string random_token() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) fail("getrandom");
  std::string token;
  for (const auto byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

// In memory, not in a file: nothing to clean up, and no other program can read it.
int program_file(const std::string& token, const std::string& program) {
  const int fd = ::memfd_create("program", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create");
  const auto text = token + "\n" + program;
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) fail("write of the program");
    done += static_cast<std::size_t>(n);
  }
  if (::lseek(fd, 0, SEEK_SET) != 0) fail("lseek");
  return moved_up(fd);
}

// Everything that was read from one pipe; of a long text the end is kept.
struct Received {
  std::string tail{};
  std::uint64_t bytes = 0;
  bool closed = false;

  // Takes what is there, but no more than about `most` bytes: a program that prints without end must not keep us here.
  void take(int fd, std::uint64_t most) {
    std::array<char, 16384> part{};
    for (const auto before = bytes; bytes - before < most;) {
      const auto n = ::read(fd, part.data(), part.size());
      if (n <= 0) {
        closed = closed || n == 0;
        return;
      }
      bytes += static_cast<std::uint64_t>(n);
      tail.append(part.data(), static_cast<std::size_t>(n));
      if (tail.size() > 2 * k_tail) tail.erase(0, tail.size() - k_tail);
    }
  }
  static constexpr std::size_t k_tail = 4096;
};

constexpr std::size_t k_shown_line = 300;
constexpr std::uint64_t k_at_once = std::uint64_t{1} << 16U;

struct Seen {
  Received output{};
  Received token{};
  Received report{};
  bool overdue = false;
  bool too_much = false;
};

void watch(const SandboxLimits& limits, Clock::time_point start, int output_fd, int token_fd, int report_fd, Seen& seen) {
  const auto deadline = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{limits.seconds});
  std::array<pollfd, 3> fds{{{output_fd, POLLIN, 0}, {token_fd, POLLIN, 0}, {report_fd, POLLIN, 0}}};
  while (seen.report.bytes == 0 && !seen.report.closed) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      seen.overdue = true;
      return;
    }
    if (::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left, 3'600'000))) < 0 && errno != EINTR) fail("poll");
    seen.output.take(output_fd, k_at_once);
    seen.token.take(token_fd, k_at_once);
    seen.report.take(report_fd, k_at_once);
    if (seen.output.bytes > limits.output) {
      seen.too_much = true;
      return;
    }
    if (seen.output.closed) fds[0].fd = -1;  // else poll would return at once for ever
    if (seen.token.closed) fds[1].fd = -1;
  }
}

// As the programs' own user, "everyone I may signal" are its processes alone, and the kernel goes through them in one step.
void kill_all_of(uid_t user) {
  const auto killer = ::fork();
  if (killer == 0) {
    if (become(user)) ::kill(-1, SIGKILL);
    ::_exit(0);
  }
  if (killer > 0) ::waitpid(killer, nullptr, 0);
}

void end_all(const Work& work, pid_t watcher) {
  ::kill(watcher, SIGKILL);
  if ((work.parts & k_pid_namespace) == 0 && work.user != 0) kill_all_of(work.user);
  // With a PID namespace this returns once all of its processes are gone.
  ::waitpid(watcher, nullptr, 0);
  kill_children_except({});
}

std::string signal_text(int number) {
  return fmt::format("killed by signal {} ({})", number, ::strsignal(number));
}

ProgramResult judge(const Seen& seen, const SandboxLimits& limits, const std::string& token) {
  if (seen.too_much) return {Verdict::output, 0, fmt::format("printed more than {} bytes", limits.output)};
  if (seen.overdue) return {Verdict::timeout, 0, fmt::format("running after {} s", limits.seconds)};
  Report report{};
  if (seen.report.bytes < sizeof report) return {Verdict::failed, 0, "killed the process that watches over it"};
  std::memcpy(&report, seen.report.tail.data(), sizeof report);
  if (report.kind == Report::broken) throw IoError{fmt::format("{}: {}", step_name(report.step), std::strerror(report.value))};
  if (report.kind == Report::over_memory) return {Verdict::memory, 0, fmt::format("held more than {} bytes", limits.memory)};
  if (WIFSIGNALED(report.value)) return {Verdict::failed, 0, signal_text(WTERMSIG(report.value))};
  const auto code = WEXITSTATUS(report.value);
  if (code == 0 && seen.token.tail == token) return {Verdict::passed, 0, ""};
  const auto line = printable(last_line(seen.output.tail), k_shown_line);
  if (code == 1 && !line.empty()) return {Verdict::failed, 0, line};
  return {Verdict::failed, 0, fmt::format("exit code {} before its end", code)};
}

ProgramResult run(const Work& work, int finding_fd) {
  const auto token = random_token();
  const int program_fd = program_file(token, work.program);
  const auto output = pipe_moved_up();
  const auto token_pipe = pipe_moved_up();
  const auto report = pipe_moved_up();
  const auto limit = process_limit(work.parts, work.options.limits.processes);
  const auto spaces = work.parts & (k_user_namespace | k_namespaces);
  if (enter_namespaces(spaces) != spaces) fail("unshare");
  // After the change of namespace, which may clear it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto start = Clock::now();
  const auto watcher = ::fork();
  if (watcher < 0) fail("fork");
  if (watcher == 0) {
    for (const int fd : {finding_fd, output.read, token_pipe.read, report.read}) ::close(fd);
    watch_sample({work.options, work.hiding, work.python, work.scratch, work.parts, work.user, limit, program_fd, token_pipe.write,
                  output.write, report.write});
  }
  for (const int fd : {program_fd, output.write, token_pipe.write, report.write}) ::close(fd);
  Seen seen;
  watch(work.options.limits, start, output.read, token_pipe.read, report.read, seen);
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  end_all(work, watcher);
  // What was written before the end and not yet read.
  seen.output.take(output.read, work.options.limits.output + k_at_once);
  seen.token.take(token_pipe.read, k_at_once);
  auto result = judge(seen, work.options.limits, token);
  result.elapsed_s = elapsed.count();
  return result;
}

}  // namespace

void supervise(const Work& work, int finding_fd) {
  become_supervisor();
  // If the caller is killed, all goes at once: unlike a command of a sweep (sweep/supervisor.cpp) a sample is given no time to end in
  // order.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  {
    // Where memory runs out, programs go first.
    std::ofstream{"/proc/self/oom_score_adj"} << 1000;
  }
  Finding finding{k_sandbox_failed, 0};
  std::string detail;
  try {
    const auto result = run(work, finding_fd);
    finding.verdict = static_cast<int>(result.verdict);
    finding.elapsed_s = result.elapsed_s;
    detail = result.detail;
  } catch (const std::exception& error) { detail = error.what(); }
  std::string message(reinterpret_cast<const char*>(&finding), sizeof finding);
  message += detail;
  const auto written = ::write(finding_fd, message.data(), message.size());
  ::_exit(written == static_cast<ssize_t>(message.size()) ? 0 : 1);
}

}  // namespace dare::metrics
