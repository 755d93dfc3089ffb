/// A library to be preloaded: makes a chosen call of a chosen rank fail, or sends the process a signal there.
///
///   DARE_FAULT="CALL:N:ACTION[:RANK]"   at the N-th (from 1) CALL that matches, ACTION: an errno name (EIO, ENOSPC, EDQUOT, ENOLCK), KILL,
///                                       USR1, INT, TERM, STOP, or TRUNCATE (the file is cut to half before the call); RANK: that rank only
///   DARE_FAULT_PATH=TEXT                only files whose path contains TEXT
///   DARE_FAULT_SLOW=MILLISECONDS        each CALL that matches takes so much longer
///   DARE_FAULT_FREE=BYTES               every file system has so many bytes free; a path: as many as the file there says
///   DARE_FAULT_NFS=1                    as on NFS renameat2 knows no flags and flock wants a file that is open for writing; neither
///                                       counts as a call
///
/// Calls: pread, pwrite, fsync, rename, ftruncate, flock, unlink (unlinkat). An errno fault goes on failing from the N-th call on, as a
/// full disk does.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace {

struct Fault {
  std::string call;
  long number = 0;
  std::string action;
  std::string path;
  bool armed = false;
};

std::string rank_here() {
  for (const auto* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* rank = std::getenv(name)) return rank;
  }
  return "0";
}

const Fault& fault() {
  static const Fault value = [] {
    Fault f;
    const char* text = std::getenv("DARE_FAULT");
    if (text == nullptr) return f;
    std::array<std::string, 4> parts;
    std::size_t part = 0;
    for (const char* c = text; *c != '\0' && part < parts.size(); ++c) {
      if (*c == ':') ++part;
      else parts[part] += *c;
    }
    f.call = parts[0];
    f.number = std::atol(parts[1].c_str());
    f.action = parts[2];
    if (const char* path = std::getenv("DARE_FAULT_PATH")) f.path = path;
    f.armed = parts[3].empty() || parts[3] == rank_here();
    return f;
  }();
  return value;
}

std::string path_of(int fd) {
  std::array<char, PATH_MAX> name{};
  const auto link = "/proc/self/fd/" + std::to_string(fd);
  const auto n = ::readlink(link.c_str(), name.data(), name.size() - 1);
  return n > 0 ? std::string(name.data(), static_cast<std::size_t>(n)) : std::string{};
}

int errno_named(const std::string& name) {
  if (name == "EIO") return EIO;
  if (name == "ENOSPC") return ENOSPC;
  if (name == "EDQUOT") return EDQUOT;
  if (name == "ENOLCK") return ENOLCK;
  return 0;
}

int signal_named(const std::string& name) {
  if (name == "KILL") return SIGKILL;
  if (name == "USR1") return SIGUSR1;
  if (name == "INT") return SIGINT;
  if (name == "TERM") return SIGTERM;
  if (name == "STOP") return SIGSTOP;
  return 0;
}

std::atomic<long> g_count{0};

// True where the call must fail; errno is set.
bool strikes(const char* call, const std::string& path) {
  const auto& f = fault();
  if (!f.armed || f.call != call || path.find(f.path) == std::string::npos) return false;
  const auto count = ++g_count;
  static const char* const slow = std::getenv("DARE_FAULT_SLOW");
  if (slow != nullptr) ::usleep(static_cast<useconds_t>(std::atol(slow)) * 1000U);
  if (count < f.number) return false;
  if (const auto error = errno_named(f.action); error != 0) {
    errno = error;
    return true;
  }
  if (count != f.number) return false;
  if (const auto signal = signal_named(f.action); signal != 0) {
    ::kill(::getpid(), signal);
    if (signal == SIGKILL) ::pause();
  } else if (f.action == "TRUNCATE") {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && ::truncate(path.c_str(), status.st_size / 2) != 0) std::perror("truncate");
  }
  return false;
}

bool on_nfs() {
  static const bool value = std::getenv("DARE_FAULT_NFS") != nullptr;
  return value;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t pread(int fd, void* buffer, size_t n, off_t offset) {
  static const auto real = next<ssize_t (*)(int, void*, size_t, off_t)>("pread");
  return strikes("pread", path_of(fd)) ? -1 : real(fd, buffer, n, offset);
}
ssize_t pread64(int fd, void* buffer, size_t n, off64_t offset) {
  static const auto real = next<ssize_t (*)(int, void*, size_t, off64_t)>("pread64");
  return strikes("pread", path_of(fd)) ? -1 : real(fd, buffer, n, offset);
}
ssize_t pwrite(int fd, const void* buffer, size_t n, off_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return strikes("pwrite", path_of(fd)) ? -1 : real(fd, buffer, n, offset);
}
ssize_t pwrite64(int fd, const void* buffer, size_t n, off64_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return strikes("pwrite", path_of(fd)) ? -1 : real(fd, buffer, n, offset);
}
int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  return strikes("fsync", path_of(fd)) ? -1 : real(fd);
}
int statvfs(const char* path, struct statvfs* status) noexcept {
  static const auto real = next<int (*)(const char*, struct statvfs*)>("statvfs");
  static const char* const free = std::getenv("DARE_FAULT_FREE");
  const int result = real(path, status);
  if (result == 0 && free != nullptr) {
    status->f_frsize = 1;
    std::string bytes = free;
    if (free[0] == '/') std::ifstream{free} >> bytes;
    status->f_bavail = std::strtoul(bytes.c_str(), nullptr, 10);
  }
  return result;
}
int flock(int fd, int operation) noexcept {
  static const auto real = next<int (*)(int, int)>("flock");
  if (on_nfs() && (operation & LOCK_EX) != 0 && (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
    errno = EBADF;
    return -1;
  }
  return strikes("flock", path_of(fd)) ? -1 : real(fd, operation);
}
int ftruncate(int fd, off_t length) noexcept {
  static const auto real = next<int (*)(int, off_t)>("ftruncate");
  return strikes("ftruncate", path_of(fd)) ? -1 : real(fd, length);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static const auto real = next<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  if (on_nfs() && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return strikes("rename", from) ? -1 : real(from_folder, from, to_folder, to, flags);
}
int unlinkat(int folder, const char* name, int flags) noexcept {
  static const auto real = next<int (*)(int, const char*, int)>("unlinkat");
  return strikes("unlink", (folder == AT_FDCWD || name[0] == '/' ? "" : path_of(folder) + '/') + name) ? -1 : real(folder, name, flags);
}
int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return strikes("rename", from) ? -1 : real(from, to);
}

}  // extern "C"
