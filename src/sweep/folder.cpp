#include "sweep/folder.hpp"

#include "checkpoint/file_names.hpp"
#include "core/paths.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <sys/stat.h>

#include <system_error>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

InputError no_folder_for(const fs::path& folder) {
  return InputError{fmt::format("{}: its folder {} is not there; make it first", folder.string(), folder.parent_path().string())};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (fs::is_directory(folder)) return;
  if (error == std::errc::permission_denied || error == std::errc::read_only_file_system)
    require_writable(folder.has_parent_path() ? folder.parent_path() : fs::path{"."}, folder, "folder");
  if (error == std::errc::no_such_file_or_directory) throw no_folder_for(folder);
  if (fs::exists(folder)) throw InputError{fmt::format("{}: is a file, a sweep's outputs need a folder; name another", folder.string())};
  throw IoError{fmt::format("{}: cannot be made: {}", folder.string(), error.message())};
}

}  // namespace

FolderLock::FolderLock(const Places& places) : places_{places} {
  made_folder_ = !fs::exists(places.folder);
  made_records_ = !fs::exists(places.records);
  make_folder(places.folder);
  require_writable(places.folder, places.records, "folder");
  make_folder(places.records);
  const auto path = places.records / ".lock";
  require_writable(places.records, path, "folder");
  lock_ = File::open_or_create(path);
  const auto state = lock_.try_lock();  // a file system without locks is used without them
  if (state == LockState::held) remove_cut_texts(places);
  if (state != LockState::taken) return;
  throw InputError{fmt::format("{}: another sweep is writing there (it holds {}); wait for it, or name another folder",
                               places.folder.string(), path.string())};
}

FolderLock::~FolderLock() {
  if (!made_records_) return;
  std::error_code error;
  fs::directory_iterator entry{places_.records, error};
  if (error || entry == fs::directory_iterator{} || entry->path().filename() != ".lock" || ++entry != fs::directory_iterator{}) return;
  fs::remove(places_.records / ".lock", error);
  fs::remove(places_.records, error);
  if (made_folder_) fs::remove(places_.folder, error);  // an empty one alone
}

void refuse_lost_link(const fs::path& path, std::string_view advice) {
  if (!fs::is_symlink(fs::symlink_status(path)) || fs::exists(path)) return;
  throw InputError{fmt::format("{}: is a link to {}, which is not there; {}", path.string(), fs::read_symlink(path).string(), advice)};
}

void refuse_unsuited_folder(const Places& places) {
  const auto around = places.folder.parent_path();
  if (!around.empty() && !fs::exists(around)) throw no_folder_for(places.folder);
  for (const auto* folder : {&places.folder, &places.records}) refuse_lost_link(*folder, "make that folder, or name another");
  if (fs::exists(places.folder / ".lock"))
    throw InputError{fmt::format("{}: holds the records of another sweep's points; name another folder", places.folder.string())};
  if (fs::exists(places.records)) return;
  if (const auto file = checkpoint::model_file_in(places.folder); !file.empty()) {
    throw InputError{fmt::format("{}: is a model's folder, it holds {}; a sweep's results get a folder of their own, name another",
                                 places.folder.string(), file)};
  }
}

std::uint64_t free_space(const fs::path& folder) {
  const auto there = fs::is_directory(folder) ? folder : folder.has_parent_path() ? folder.parent_path() : fs::path{"."};
  std::error_code error;
  const auto space = fs::space(there, error);
  if (error) throw IoError{fmt::format("{}: {}", there.string(), error.message())};
  return space.available;
}

std::uint64_t bytes_on_disk(const fs::path& path) noexcept {
  constexpr std::uint64_t k_block = 512;  // of st_blocks, whatever the file system's own
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return 0;
  auto bytes = static_cast<std::uint64_t>(status.st_blocks) * k_block;
  if (!S_ISDIR(status.st_mode)) return bytes;
  std::error_code error;
  for (fs::directory_iterator entry{path, error}, end; !error && entry != end; entry.increment(error))
    bytes += bytes_on_disk(entry->path());
  return bytes;
}

void remove_quietly(const fs::path& path) noexcept {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace dare::sweep
