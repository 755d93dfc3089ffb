#include "metrics/scratch_folder.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <dare/core/error.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace dare::metrics {
namespace {

namespace fs = std::filesystem;

// A program may have made folders that their owner cannot enter.
void open_up(const fs::path& folder) {
  std::error_code ignored;
  fs::permissions(folder, fs::perms::owner_all, ignored);
  for (const auto& entry : fs::directory_iterator{folder, ignored}) {
    if (!entry.is_symlink(ignored) && entry.is_directory(ignored)) open_up(entry.path());
  }
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& below, uid_t owner) {
  auto name = (below / "dare-score.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr || (owner != 0 && ::chown(name.c_str(), owner, owner) != 0)) {
    throw IoError{fmt::format("{}: no scratch folder can be made there: {}", below.string(), std::strerror(errno))};
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code error;
  fs::remove_all(path_, error);
  if (!error) return;
  open_up(path_);
  fs::remove_all(path_, error);
}

}  // namespace dare::metrics
