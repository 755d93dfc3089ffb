#include <dare/metrics/sandbox.hpp>

#include "core/child_processes.hpp"
#include "metrics/isolation.hpp"
#include "metrics/running_program.hpp"
#include "metrics/supervise.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <dare/core/error.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <list>
#include <sstream>

namespace dare::metrics {
namespace {

namespace fs = std::filesystem;

constexpr unsigned k_most_jobs = 64;  // so many users are tried at the start

std::string find_program(const std::string& name) {
  const auto runs = [](const fs::path& path) { return ::access(path.c_str(), X_OK) == 0 && !fs::is_directory(path); };
  if (name.find('/') != std::string::npos) {
    if (runs(name)) return fs::absolute(name);
  } else {
    const char* path = std::getenv("PATH");
    std::istringstream folders{path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"};
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (runs(fs::path{folder} / name)) return fs::absolute(fs::path{folder} / name);
    }
  }
  throw UsageError{fmt::format("--python {}: no such program; give the path of a Python 3 interpreter", name)};
}

// Orphans of a lost supervisor come to this process while one of these lives, so that they can be found.
class Subreaper {
 public:
  Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  ~Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
};

using Programs = std::list<RunningProgram>;

unsigned free_slot(const Programs& running) {
  for (unsigned slot = 0;; ++slot) {
    if (std::none_of(running.begin(), running.end(), [&](const RunningProgram& r) { return r.slot() == slot; })) return slot;
  }
}

void wait_for_any(const Programs& running) {
  std::vector<pollfd> fds;
  for (const auto& program : running) fds.push_back({program.fd(), POLLIN, 0});
  constexpr int k_stop_seen_after_ms = 200;
  ::poll(fds.data(), fds.size(), k_stop_seen_after_ms);
}

bool readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, 0) > 0;
}

std::vector<pid_t> supervisors(const Programs& running) {
  std::vector<pid_t> pids;
  for (const auto& program : running) pids.push_back(program.supervisor());
  return pids;
}

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  constexpr std::array<std::string_view, k_verdicts> names{"passed", "failed", "timeout", "memory", "output"};
  return names[static_cast<std::size_t>(verdict)];
}

Sandbox::Sandbox(SandboxOptions options) : options_{std::move(options)} {
  options_.python = find_program(options_.python);
  options_.scratch = fs::weakly_canonical(options_.scratch);  // programs have another working folder, and see no links in hidden ones
  hiding_ = std::make_shared<Hiding>(what_to_hide(options_.python));
  find_parts();
  if ((parts_ & k_hidden) == 0) hide_nothing();  // some of it hidden and the rest missing would be worse
  auto trial = try_out();
  if (trial.verdict != Verdict::passed && (parts_ & k_hidden) != 0) {
    hide_nothing();  // an interpreter may need more of these folders than its own
    trial = try_out();
  }
  if (trial.verdict == Verdict::passed) return;
  const auto* user = (parts_ & k_own_user) != 0 ? " by a user who is not root" : "";
  throw IoError{fmt::format(
      "{}: a small program that should pass does not ({}: {}); name an interpreter that can be run{} with --python, or widen the limits",
      options_.python, name(trial.verdict), trial.detail, user)};
}

void Sandbox::hide_nothing() {
  *hiding_ = {};
  find_parts();
}

void Sandbox::find_parts() {
  const ScratchFolder scratch{options_.scratch, 0};
  const auto isolation = find_isolation(*hiding_, scratch.path());
  parts_ = isolation.parts;
  first_uid_ = isolation.first_uid;
  gaps_ = gaps_of(parts_);
}

// Else an interpreter that programs may not read, say, would show as a model that can do nothing.
ProgramResult Sandbox::try_out() {
  ProgramResult trial;
  try {
    run(
        1, [](std::size_t) { return "open('trial', 'w').write('1'); assert open('trial').read() == '1'"; }, 1,
        [&](std::size_t, const ProgramResult& result) { trial = result; }, [] { return false; });
  } catch (const IoError& error) { trial.detail = error.what(); }
  return trial;
}

void Sandbox::run(std::size_t n, const Source& source, unsigned jobs, const Done& done, const std::function<bool()>& stop) {
  const Subreaper subreaper;
  Programs running;
  const auto start = [&](std::size_t index) {
    const auto slot = free_slot(running);
    const auto user = (parts_ & k_own_user) != 0 ? first_uid_ + slot : 0;
    ScratchFolder scratch{options_.scratch, user};
    const Work work{options_, *hiding_, options_.python, scratch.path(), parts_, user, source(index)};
    running.emplace_back(index, slot, work, std::move(scratch));
  };
  const auto collect = [&](Programs::iterator program) {
    const auto index = program->index();
    const auto result = program->result();
    running.erase(program);
    if ((parts_ & k_pid_namespace) == 0) kill_children_except(supervisors(running));
    done(index, result);
  };
  for (std::size_t next = 0; next < n || !running.empty();) {
    if (stop()) {
      const auto unfinished = n - next + running.size();
      running.clear();
      kill_children_except({});
      throw Interrupted{fmt::format("stopped with {} of {} programs not run to their end", unfinished, n)};
    }
    while (next < n && running.size() < std::clamp(jobs, 1U, k_most_jobs)) start(next++);
    wait_for_any(running);
    for (auto program = running.begin(); program != running.end();) {
      const auto here = program++;
      if (readable(here->fd()) && here->read_on()) collect(here);
    }
  }
}

}  // namespace dare::metrics
