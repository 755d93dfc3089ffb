#include "metrics/isolation.hpp"

#include "metrics/filter.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dare/core/error.hpp>

#include <array>
#include <cstdio>
#include <fstream>

namespace dare::metrics {
namespace {

bool write_file(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto written = ::write(fd, text.data(), text.size());
  ::close(fd);
  return written == static_cast<ssize_t>(text.size());
}

bool enter_user_namespace() {
  const auto user = ::geteuid();
  const auto group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  // One user may map only itself, and only after giving up setgroups (user_namespaces(7)).
  return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", fmt::format("{} {} 1", k_nobody, user)) &&
         write_file("/proc/self/gid_map", fmt::format("{} {} 1", k_nobody, group));
}

// mount_setattr(2), Linux 5.12; called by number because older C libraries lack it.
bool set_read_only(const char* path, bool read_only, bool recursive) {
  struct {
    std::uint64_t set, clear, propagation, user_namespace;
  } attributes{read_only ? 1U : 0U, read_only ? 0U : 1U, 0, 0};  // 1: MOUNT_ATTR_RDONLY
  constexpr long k_mount_setattr = 442;                          // on every architecture
  constexpr unsigned k_recursive = 0x8000;                       // AT_RECURSIVE
  return ::syscall(k_mount_setattr, AT_FDCWD, path, recursive ? k_recursive : 0U, &attributes, sizeof attributes) == 0;
}

bool mount_scratch(const char* path, std::uint64_t bytes, uid_t owner) {
  const auto data = fmt::format("size={},nr_inodes=16384,mode=700,uid={},gid={}", bytes, owner, owner);
  return ::mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, data.c_str()) == 0;
}

// Root of the whole system, not of a user namespace: the kernel exempts it from limits whatever namespaces it enters.
bool is_system_root() {
  std::ifstream map{"/proc/self/uid_map"};
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t length = 0;
  map >> inside >> outside >> length;
  return ::geteuid() == 0 && (!map || outside == 0);
}

template <class Body>
unsigned exit_status_of_child(Body body) {
  const auto child = ::fork();
  if (child == 0) ::_exit(static_cast<int>(body()));
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 0;
  return static_cast<unsigned>(WEXITSTATUS(status));
}

// A run of 64 user numbers that nobody has. The number follows this process: two runs on one node do not share a user's limit.
uid_t spare_users() {
  const auto mine = 2'000'000'000U + static_cast<uid_t>(::getpid() % 4'194'304) * 64U;
  for (const uid_t first : {mine, uid_t{60'900}}) {  // a container may map the first 65,536 only
    if (exit_status_of_child([first] { return become(first + 63) ? 1U : 0U; }) == 1U) return first;
  }
  return 0;
}

unsigned try_namespaces(unsigned wanted, const Hiding& hiding, const std::filesystem::path& scratch, uid_t owner) {
  return exit_status_of_child([&] {
    const auto parts = enter_namespaces(wanted);
    return exit_status_of_child([&] { return set_up_mounts(parts, hiding, scratch, 1U << 20U, owner); });
  });
}

unsigned try_filter() {
  return exit_status_of_child([] { return load_filter() ? 1U : 0U; }) == 1U ? k_filter : 0U;
}

std::uint64_t tasks_of_this_user() {
  std::uint64_t tasks = 0;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator{"/proc", ignored}) {
    std::ifstream status{process.path() / "status"};
    std::uint64_t threads = 0;
    bool mine = false;
    for (std::string line; std::getline(status, line);) {
      unsigned uid = 0;
      if (std::sscanf(line.c_str(), "Uid: %u", &uid) == 1) mine = uid == ::getuid();
      if (line.starts_with("Threads:")) threads = std::stoull(line.substr(8));
    }
    if (mine) tasks += threads;
  }
  return tasks;
}

bool kernel_counts_by_namespace() {  // since Linux 5.14
  utsname system{};
  unsigned major = 0;
  unsigned minor = 0;
  return ::uname(&system) == 0 && std::sscanf(system.release, "%u.%u", &major, &minor) == 2 && (major > 5 || (major == 5 && minor >= 14));
}

}  // namespace

unsigned enter_namespaces(unsigned wanted) {
  unsigned parts = 0;
  if ((wanted & k_user_namespace) != 0) {
    if (!enter_user_namespace()) return 0;
    parts |= k_user_namespace;
  }
  constexpr std::array<std::pair<int, unsigned>, 4> spaces{{{CLONE_NEWNS, k_mount_namespace},
                                                            {CLONE_NEWPID, k_pid_namespace},
                                                            {CLONE_NEWNET, k_net_namespace},
                                                            {CLONE_NEWIPC, k_ipc_namespace}}};
  for (const auto& [flag, part] : spaces) {
    if ((wanted & part) != 0 && ::unshare(flag) == 0) parts |= part;
  }
  return parts;
}

unsigned set_up_mounts(unsigned parts, const Hiding& hiding, const std::filesystem::path& scratch, std::uint64_t bytes, uid_t owner) {
  // Private first: nothing mounted here may show outside.
  if ((parts & k_mount_namespace) == 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return parts;
  if ((parts & k_pid_namespace) != 0 && ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0)
    parts |= k_own_proc;
  if (hide(hiding)) parts |= k_hidden;
  std::error_code ignored;
  std::filesystem::create_directories(scratch, ignored);  // it may lie in what is hidden now
  if (!mount_scratch(scratch.c_str(), bytes, owner)) return parts;
  const auto shared_memory = mount_scratch("/dev/shm", bytes, owner);
  if (set_read_only("/", true, true) && set_read_only(scratch.c_str(), false, false) &&
      (!shared_memory || set_read_only("/dev/shm", false, false))) {
    parts |= k_read_only;
  }
  return parts;
}

bool become(uid_t user) {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(user, user, user) == 0 && ::setresuid(user, user, user) == 0;
}

Isolation find_isolation(const Hiding& hiding, const std::filesystem::path& scratch) {
  const auto filter = try_filter();
  if (::geteuid() == 0) {
    if (const auto first = spare_users(); first != 0)
      return {k_own_user | filter | try_namespaces(k_namespaces, hiding, scratch, first), first};
    if (is_system_root()) {
      throw IoError{
          "programs cannot be run here: this process is root and may not change to another user (setresuid), so that no limit on "
          "processes would hold; run as an ordinary user, or with the capabilities CAP_SETUID and CAP_SETGID"};
    }
  }
  const auto parts = try_namespaces(k_user_namespace | k_namespaces, hiding, scratch, k_nobody);
  // A user namespace that brought no mounts and no processes of its own only gets in the way.
  return {((parts & k_pid_namespace) != 0 ? parts : 0U) | filter, 0};
}

std::vector<std::string> gaps_of(unsigned parts) {
  std::vector<std::string> gaps;
  const auto open_where_missing = [&](unsigned part, const char* gap) {
    if ((parts & part) == 0) gaps.emplace_back(gap);
  };
  if ((parts & k_filter) == 0) {
    open_where_missing(k_net_namespace, "they can reach the network (no network namespace, no seccomp)");
    gaps.emplace_back("they can hold memory that the limit does not count, and mount more (no seccomp)");
  }
  if ((parts & k_own_user) == 0) {
    open_where_missing(k_hidden, "they can read all of your files (no mount namespace)");
  } else {
    open_where_missing(k_hidden, "they can reach pipes and files of others that everyone may use, e.g. in /tmp (no mount namespace)");
  }
  open_where_missing(k_pid_namespace | k_own_user, "they can signal your other processes (no PID namespace)");
  open_where_missing(k_read_only, (parts & k_own_user) != 0 ? "they can write where everyone can, e.g. in /tmp (no mount namespace)"
                                                            : "they can change and delete your files (no mount namespace)");
  open_where_missing(k_own_proc,
                     "the memory limit holds for each of their processes, not for all of a program's together (no /proc of their own)");
  return gaps;
}

std::uint64_t process_limit(unsigned parts, unsigned processes) {
  if ((parts & k_own_user) != 0) return processes;
  if ((parts & k_user_namespace) != 0 && kernel_counts_by_namespace()) return processes + 2U;  // the two that watch over it
  return processes + tasks_of_this_user();
}

}  // namespace dare::metrics
