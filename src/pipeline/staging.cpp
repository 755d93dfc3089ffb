#include "pipeline/staging.hpp"

#include "pipeline/replaceable.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_longest_manifest = std::uint64_t{1} << 40U;

bool same_file(const File& file, const fs::path& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(file.fd(), &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

File locked_journal(const OutputPaths& paths, bool& locked) {
  for (;;) {
    auto file = File::open_or_create(paths.journal);
    const auto state = file.try_lock();
    locked = state == LockState::held;
    if (state == LockState::taken) throw under_way(paths);
    // A run that ends removes the file it has locked: a lock on a file without its name is a lock on nothing.
    if (same_file(file, paths.journal)) return file;
  }
}

}  // namespace

InputError under_way(const OutputPaths& paths) {
  return InputError{fmt::format("{}: another run is writing this output (it holds {}); wait for it, or name another output",
                                paths.output.string(), paths.journal.string())};
}

Staging::Staging(const fs::path& output) : paths_{output}, journal_{locked_journal(paths_, locked_)} {
  // A replacement was cut short: before the new output was in place, or before the old one was removed.
  if (fs::exists(paths_.aside)) {
    check_replaceable(paths_.aside, "an output that is being replaced waits there: move it away, or name another output");
    fs::exists(paths_.output) ? void(fs::remove_all(paths_.aside)) : rename_to_new(paths_.aside, paths_.output);
  }
  if (fs::exists(paths_.temporary)) unfinished_ = Journal::read_head(paths_.journal);
  keep_ = unfinished_.has_value();
}

Staging::~Staging() {
  if (keep_) return;
  remove_temporary();
  std::error_code ignored;
  fs::remove(paths_.journal, ignored);
}

void Staging::remove_temporary() noexcept {
  std::error_code ignored;
  fs::remove_all(paths_.temporary, ignored);
  if (paths_.single_file) fs::remove(paths_.new_manifest, ignored);
}

void Staging::start_afresh() {
  keep_ = false;
  unfinished_.reset();
  journal_.resize(0);
  remove_temporary();
}

void Staging::record(const JournalHead& head) {
  Journal::write_head(journal_, head);
  sync_folder(paths_.folder);
  keep_ = true;
}

void Staging::commit(bool overwrite) {
  keep_ = true;  // what is not in place yet is complete: a later run need only put it there
  try {
    if (overwrite && fs::exists(paths_.output)) check_replaceable(paths_.output);  // much may have come since the first look
  } catch (const InputError& error) { throw IoError{error.what()}; }               // as such the work would be given up
  if (paths_.single_file && fs::exists(paths_.new_manifest)) {
    if (overwrite) {
      replace_by(paths_.new_manifest, paths_.manifest);
      fs::remove(paths_.new_manifest);  // the old one, where the two were exchanged
    } else if (fs::exists(paths_.manifest) &&
               read_text(paths_.manifest, k_longest_manifest) == read_text(paths_.new_manifest, k_longest_manifest)) {
      fs::remove(paths_.new_manifest);  // put there by a run of this merge that was killed before the next rename
    } else {
      rename_to_new(paths_.new_manifest, paths_.manifest);
    }
  } else if (paths_.single_file && overwrite) {
    fs::remove(paths_.manifest);  // of the output that goes
  }
  if (overwrite) {
    replace_by(paths_.temporary, paths_.output);
  } else {
    rename_to_new(paths_.temporary, paths_.output);
  }
  sync_folder(paths_.folder);
  keep_ = false;
}

}  // namespace dare::pipeline
