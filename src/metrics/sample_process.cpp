#include "metrics/sample_process.hpp"

#include "metrics/filter.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>

namespace dare::metrics {
namespace {

enum Step : int { k_mounts, k_fork, k_descriptors, k_scratch, k_limits, k_user, k_calls, k_exec };

// Reads the program from descriptor 3; gives the token back on descriptor 4 when all has run. The names are bound before the program
// runs, because programs replace them; os._exit because a forgotten thread must not keep a finished program waiting.
constexpr const char* k_runner = R"(
import os, sys, traceback
def run(read=os.read, write=os.write, close=os.close, pid=os.getpid, leave=os._exit, report=traceback.print_exc):
    parts, me = [], pid()
    while True:
        part = read(3, 1 << 16)
        if not part:
            break
        parts.append(part)
    close(3)
    token, source = b''.join(parts).split(b'\n', 1)
    try:
        exec(compile(source, 'program', 'exec'), {})
        sys.stdout.flush()
    except BaseException:
        report()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            leave(1)
    if pid() != me:
        leave(1)
    write(4, token)
    leave(0)
run()
)";

void report(const Sample& sample, const Report& what) {
  if (::write(sample.report_fd, &what, sizeof what) != sizeof what) ::_exit(1);
}

[[noreturn]] void give_up(const Sample& sample, Step step) {
  report(sample, {Report::broken, errno, step});
  ::_exit(1);
}

bool limit(int resource, std::uint64_t most) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return false;
  const auto value = std::min<rlim_t>(most, now.rlim_max);
  const rlimit wanted{value, value};
  return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) == 0;
}

bool set_limits(const Sample& sample) {
  const auto& limits = sample.options.limits;
  const auto cpu_seconds = static_cast<std::uint64_t>(std::ceil(limits.seconds)) + 1;
  return limit(RLIMIT_AS, limits.memory) && limit(RLIMIT_FSIZE, limits.file_size) && limit(RLIMIT_CPU, cpu_seconds) &&
         limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 64) && limit(RLIMIT_NPROC, sample.process_limit);
}

bool set_descriptors(const Sample& sample) {
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(sample.output_fd, 1) < 0 || ::dup2(sample.output_fd, 2) < 0 ||
      ::dup2(sample.program_fd, 3) < 0 || ::dup2(sample.token_fd, 4) < 0) {
    return false;
  }
  // What the caller has open is not the program's; ours close on exec.
  constexpr long k_close_range = 436;
  constexpr unsigned k_on_exec = 4;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  if (::syscall(k_close_range, 5U, ~0U, k_on_exec) == 0) return true;
  for (int fd = 5; fd < 4096; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return true;
}

[[noreturn]] void exec_python(const Sample& sample) {
  const auto home = "HOME=" + sample.scratch.string();
  const auto temporary = "TMPDIR=" + sample.scratch.string();
  const std::array<const char*, 9> environment{
      "PATH=/usr/local/bin:/usr/bin:/bin", home.c_str(),        temporary.c_str(),        "LANG=C.UTF-8", "PYTHONHASHSEED=0",
      "PYTHONDONTWRITEBYTECODE=1",         "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", nullptr};
  const std::array<const char*, 5> arguments{sample.python.c_str(), "-s", "-c", k_runner, nullptr};
  // Last, because from here on memory is short.
  if (!set_limits(sample)) give_up(sample, k_limits);
  ::execve(sample.python.c_str(), const_cast<char* const*>(arguments.data()), const_cast<char* const*>(environment.data()));
  give_up(sample, k_exec);
}

[[noreturn]] void become_sample(const Sample& sample) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  ::umask(077);
  if (!set_descriptors(sample)) give_up(sample, k_descriptors);
  if (::chdir(sample.scratch.c_str()) != 0) give_up(sample, k_scratch);
  // For a root that is one in a user namespace only; refused where there is nothing to drop.
  for (unsigned long capability = 0; capability < 64; ++capability) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  if (sample.user != 0 && !become(sample.user)) give_up(sample, k_user);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(sample, k_user);
  if ((sample.parts & k_filter) != 0 && !load_filter()) give_up(sample, k_calls);
  exec_python(sample);
}

// Bytes that `path`, a file of /proc, has in a line "name: N kB"; nothing where it cannot be read.
std::optional<std::uint64_t> kilobytes_in(const std::filesystem::path& path, const char* name) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + std::strlen(name), nullptr, 10) * 1024;
  }
  return std::nullopt;
}

// Resident bytes of the processes of this PID namespace, this one not counted. Quick: pages that several share are counted for each.
// Else each page once (a share of it for each process), which takes a walk through their page tables; for a process that does not let
// itself be looked at (it may end, or have made itself undumpable), the quick count.
std::uint64_t memory_in_use(bool quick) {
  std::uint64_t bytes = 0;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", ignored}) {
    const auto name = entry.path().filename().native();
    if (name.find_first_not_of("0123456789") != std::string::npos || name == "1") continue;
    if (const auto share = quick ? std::nullopt : kilobytes_in(entry.path() / "smaps_rollup", "Pss:")) {
      bytes += *share;
      continue;
    }
    const int fd = ::open((entry.path() / "statm").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    std::array<char, 128> text{};
    unsigned long resident = 0;
    if (::read(fd, text.data(), text.size() - 1) > 0 && std::sscanf(text.data(), "%*u %lu", &resident) == 1) bytes += resident * page;
    ::close(fd);
  }
  return bytes;
}

// Reaps whatever ends; the wait status of `main` once that has ended.
bool reap(pid_t main, int& status) {
  for (;;) {
    int ended_status = 0;
    const auto ended = ::waitpid(-1, &ended_status, WNOHANG);
    if (ended <= 0) return false;
    if (ended == main) {
      status = ended_status;
      return true;
    }
  }
}

}  // namespace

const char* step_name(int step) noexcept {
  constexpr std::array names{"mount",     "fork",           "dup2",    "chdir to the scratch folder",
                             "setrlimit", "change of user", "seccomp", "exec of the interpreter"};
  return names[static_cast<std::size_t>(step)];
}

void watch_sample(const Sample& sample) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  const auto owner = sample.user != 0 ? sample.user : k_nobody;
  const auto given = sample.parts & ~(k_own_proc | k_hidden | k_read_only);
  if (set_up_mounts(given, sample.hiding, sample.scratch, sample.options.limits.file_size, owner) != sample.parts) {
    give_up(sample, k_mounts);
  }
  const auto main = ::fork();
  if (main < 0) give_up(sample, k_fork);
  if (main == 0) become_sample(sample);
  ::close(sample.output_fd);
  ::close(sample.token_fd);
  const timespec pause{0, 20'000'000};
  for (int status = 0;;) {
    ::sigtimedwait(&children, nullptr, &pause);
    if (reap(main, status)) {
      report(sample, {Report::ended, status, 0});
      ::_exit(0);
    }
    const auto most = sample.options.limits.memory;
    if ((sample.parts & k_own_proc) != 0 && memory_in_use(true) > most && memory_in_use(false) > most) {
      report(sample, {Report::over_memory, 0, 0});
      ::_exit(0);
    }
  }
}

}  // namespace dare::metrics
