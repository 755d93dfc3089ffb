#include "pipeline/staging.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

File open_lock(const fs::path& path) {
  if (!fs::exists(path)) {
    try {
      return File::create(path);
    } catch (const IoError&) {
      if (!fs::exists(path)) throw;  // else another run made it between the two looks
    }
  }
  return File::open_write(path);
}

bool same_file(const File& file, const fs::path& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(file.fd(), &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

fs::path without_slash(const fs::path& output) {
  return output.has_filename() ? output : output.parent_path();
}

}  // namespace

Staging::Staging(const fs::path& output)
    : output_{without_slash(output)},
      folder_{output_.parent_path()},
      single_file_{checkpoint::output_kind(output) != checkpoint::OutputKind::folder} {
  const auto name = output_.filename().string();
  temporary_ = folder_ / ("." + name + ".partial" + (single_file_ ? output_.extension().string() : ""));
  manifest_ = single_file_ ? folder_ / ("." + name + ".partial.manifest.json") : temporary_ / "dare-manifest.json";
  lock_path_ = folder_ / ("." + name + ".lock");
  // A run that ends removes the file it has locked: a lock on a file without its name is a lock on nothing.
  do {
    lock_ = open_lock(lock_path_);
    if (::flock(lock_.fd(), LOCK_EX | LOCK_NB) != 0) {
      lock_ = File{};
      throw InputError{fmt::format("{}: another run is writing this output (it holds {}); wait for it, or name another output",
                                   output_.string(), lock_path_.string())};
    }
  } while (!same_file(lock_, lock_path_));
  remove_temporary();
}

Staging::~Staging() {
  remove_temporary();
  std::error_code ignored;
  fs::remove(lock_path_, ignored);
}

void Staging::remove_temporary() noexcept {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  if (single_file_) fs::remove(manifest_, ignored);
}

void Staging::commit(bool overwrite) {
  if (single_file_ && fs::exists(manifest_)) {
    const auto place = folder_ / (output_.filename().string() + ".manifest.json");
    if (::rename(manifest_.c_str(), place.c_str()) != 0)
      throw IoError{fmt::format("{}: cannot be renamed to {}", manifest_.string(), place.string())};
  }
  if (overwrite) {
    replace_by(temporary_, output_);
  } else {
    rename_to_new(temporary_, output_);
  }
  sync_folder(folder_);
}

}  // namespace dare::pipeline
