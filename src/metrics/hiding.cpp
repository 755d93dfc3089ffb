#include "metrics/hiding.hpp"

#include "core/paths.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace dare::metrics {
namespace {

namespace fs = std::filesystem;

// Not "/", and no folder that lies in another of them, which hides it already.
std::vector<fs::path> folders_to_hide() {
  std::vector<fs::path> wanted{"/run", "/tmp", "/var/tmp", "/dev"};
  for (const auto* name : {"HOME", "XDG_RUNTIME_DIR", "TMPDIR"}) {
    if (const char* folder = std::getenv(name); folder != nullptr && *folder == '/') wanted.emplace_back(folder);
  }
  if (const auto* user = ::getpwuid(::getuid()); user != nullptr && user->pw_dir != nullptr) wanted.emplace_back(user->pw_dir);
  std::vector<fs::path> found;
  for (const auto& folder : wanted) {
    std::error_code error;
    const auto canonical = fs::canonical(folder, error);
    if (!error && canonical != canonical.root_path() && fs::is_directory(canonical, error)) found.push_back(canonical);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<fs::path> out;
  for (const auto& folder : found) {
    if (std::none_of(found.begin(), found.end(), [&](const fs::path& other) { return other != folder && lies_in(folder, other); }))
      out.push_back(folder);
  }
  return out;
}

// Where the interpreter and each link on the way to it lie: of PREFIX/bin/python, PREFIX (a virtual environment leads to its base so).
std::vector<fs::path> homes_of(const std::string& python) {
  std::vector<fs::path> homes;
  std::error_code error;
  fs::path link = python;
  for (int links = 0; links < 40 && !error; ++links) {
    const auto bin = fs::canonical(link.parent_path(), error);
    if (error) break;
    homes.push_back(bin);
    if (bin.has_parent_path()) homes.push_back(bin.parent_path());
    const auto target = fs::read_symlink(link, error);
    if (error) break;
    link = target.is_absolute() ? target : bin / target;
  }
  return homes;
}

// open_tree(2) and move_mount(2), Linux 5.2; called by number because older C libraries lack them.
int copy_of_mount(const fs::path& path) {
  constexpr long k_open_tree = 428;
  constexpr unsigned k_clone = 1;
  constexpr unsigned k_recursive = 0x8000;
  return static_cast<int>(::syscall(k_open_tree, AT_FDCWD, path.c_str(), k_clone | k_recursive | static_cast<unsigned>(O_CLOEXEC)));
}

bool mount_at(int mount, const fs::path& path) {
  constexpr long k_move_mount = 429;
  constexpr unsigned k_from_descriptor = 4;
  return ::syscall(k_move_mount, mount, "", AT_FDCWD, path.c_str(), k_from_descriptor) == 0;
}

struct Kept {
  fs::path path;
  bool is_folder;
  int mount;
};

bool put_back(const Kept& kept) {
  std::error_code error;
  fs::create_directories(kept.is_folder ? kept.path : kept.path.parent_path(), error);
  if (!kept.is_folder) std::ofstream{kept.path};
  return mount_at(kept.mount, kept.path);
}

}  // namespace

Hiding what_to_hide(const std::string& python) {
  Hiding hiding{folders_to_hide(), {}};
  auto wanted = homes_of(python);
  for (const auto* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) wanted.emplace_back(device);
  std::error_code ignored;
  for (const auto& path : wanted) {
    const auto hidden = std::any_of(hiding.folders.begin(), hiding.folders.end(),
                                    [&](const fs::path& folder) { return path != folder && lies_in(path, folder); });
    if (hidden && fs::exists(path, ignored)) hiding.kept.push_back(path);
  }
  // The whole before its parts, which it brings along.
  std::sort(hiding.kept.begin(), hiding.kept.end());
  auto& kept = hiding.kept;
  kept.erase(std::unique(kept.begin(), kept.end(), [](const fs::path& a, const fs::path& b) { return lies_in(b, a); }), kept.end());
  return hiding;
}

bool hide(const Hiding& hiding) {
  std::vector<Kept> kept;
  bool done = !hiding.folders.empty();
  std::error_code ignored;
  for (const auto& path : hiding.kept) kept.push_back({path, fs::is_directory(path, ignored), copy_of_mount(path)});
  for (const auto& folder : hiding.folders) {
    done = done && ::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=256,mode=755") == 0;
  }
  // Without the first of them nothing may be written where the caller's own files show.
  if (!done) {
    for (const auto& one : kept) ::close(one.mount);
    return false;
  }
  for (const auto& one : kept) {
    done = put_back(one) && done;
    ::close(one.mount);
  }
  constexpr std::array<std::pair<const char*, const char*>, 4> links{{{"/proc/self/fd", "/dev/fd"},
                                                                      {"/proc/self/fd/0", "/dev/stdin"},
                                                                      {"/proc/self/fd/1", "/dev/stdout"},
                                                                      {"/proc/self/fd/2", "/dev/stderr"}}};
  for (const auto& [target, link] : links) fs::create_symlink(target, link, ignored);
  fs::create_directory("/dev/shm", ignored);
  return done;
}

}  // namespace dare::metrics
