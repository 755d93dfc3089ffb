#include "pipeline/staging.hpp"

#include "pipeline/manifest_json.hpp"
#include "pipeline/replaceable.hpp"

#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/output_place.hpp>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

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

bool complete(const fs::path& root, const checkpoint::OutputLayout& layout) {
  return std::all_of(layout.files.begin(), layout.files.end(), [&](const auto& file) {
    std::error_code error;
    return fs::file_size(file.name.empty() ? root : root / file.name, error) >= file.size && !error;
  });
}

InputError under_way(const OutputPaths& paths) {
  return InputError{fmt::format("{}: another run is writing this output (it holds {}); wait for it, or name another output",
                                paths.output.string(), paths.journal.string())};
}

Staging::Staging(const fs::path& output) : paths_{output}, journal_{locked_journal(paths_, locked_)} {
  try {
    mend_cut_commit();
  } catch (...) {  // no destructor runs: a journal that was just made goes here
    std::error_code ignored;
    if (fs::file_size(paths_.journal, ignored) == 0 && !ignored) fs::remove(paths_.journal, ignored);
    throw;
  }
  if (fs::exists(paths_.temporary)) unfinished_ = Journal::read_head(paths_.journal);
  keep_ = unfinished_.has_value();
}

void Staging::mend_cut_commit() {
  // A replacement was cut short: before the new output was in place, or before the old one was removed.
  if (fs::exists(paths_.aside)) {
    check_replaceable(paths_.aside, "an output that is being replaced waits there: move it away, or name another output");
    if (fs::exists(paths_.output)) fs::remove_all(paths_.aside);
    else rename_to_new(paths_.aside, paths_.output);
  }
  if (is_name_alone(paths_)) fs::remove(paths_.output);
  // A file that replaced another goes before its manifest does.
  if (paths_.single_file && fs::exists(paths_.new_manifest) && !fs::exists(paths_.temporary) && !fs::exists(paths_.manifest)) {
    const auto head = Journal::read_head(paths_.journal);
    if (head && complete(paths_.output, head->layout)) replace_by(paths_.new_manifest, paths_.manifest);
  }
}

Staging::~Staging() {
  if (keep_) return;
  remove_temporary();
  std::error_code ignored;
  fs::remove(paths_.journal, ignored);
}

// A single file's manifest is put in its place before the output is. A kill between the two leaves it there without what it describes.
bool Staging::manifest_came_first() const noexcept {
  try {
    if (!unfinished_ || !paths_.single_file || fs::exists(paths_.output) || !fs::exists(paths_.manifest)) return false;
    auto manifest = parse_manifest_json(read_manifest_text(paths_.manifest));
    auto identity = nlohmann::ordered_json::parse(unfinished_->identity);
    if (!manifest.is_object()) return false;
    for (const auto* const key : k_of_output) manifest.erase(key);
    return std::all_of(manifest.items().begin(), manifest.items().end(),
                       [&](const auto& item) { return identity.contains(item.key()) && identity[item.key()] == item.value(); });
  } catch (const std::exception&) { return false; }  // it is someone else's
}

// The manifests first: alone beside a journal they tell of a cut commit.
void Staging::remove_temporary() noexcept {
  std::error_code ignored;
  if (paths_.single_file) fs::remove(paths_.new_manifest, ignored);
  if (manifest_came_first()) fs::remove(paths_.manifest, ignored);
  fs::remove_all(paths_.temporary, ignored);
}

void Staging::start_afresh() {
  keep_ = false;
  remove_temporary();
  unfinished_.reset();
  journal_.resize(0);
}

void Staging::record(const JournalHead& head) {
  Journal::write_head(journal_, head);
  sync_folder(paths_.folder);
  keep_ = true;
}

// Where no output is there yet. The output itself appears last, complete.
void Staging::place_manifest() {
  std::error_code ignored;
  if (fs::is_empty(paths_.manifest, ignored) && !ignored) fs::remove(paths_.manifest);  // its name alone: see rename_to_new()
  if (fs::exists(paths_.manifest) && read_manifest_text(paths_.manifest) == read_manifest_text(paths_.new_manifest)) {
    fs::remove(paths_.new_manifest);  // put there by a run of this merge that was killed before the next rename
  } else {
    rename_to_new(paths_.new_manifest, paths_.manifest);
  }
}

void Staging::place(bool overwrite) {
  if (overwrite && fs::exists(paths_.output)) check_replaceable(paths_.output);  // much may have come since the first look
  const bool with_manifest = paths_.single_file && fs::exists(paths_.new_manifest);
  if (overwrite) {
    if (paths_.single_file && fs::remove(paths_.manifest)) sync_folder(paths_.folder);  // of the output that goes
    replace_by(paths_.temporary, paths_.output, paths_.aside);
    if (with_manifest) replace_by(paths_.new_manifest, paths_.manifest);
  } else {
    if (with_manifest) place_manifest();
    try {
      rename_to_new(paths_.temporary, paths_.output);
    } catch (...) {
      // Whoever has taken the place meanwhile has another output: the manifest is none of it.
      std::error_code ignored;
      if (with_manifest) fs::rename(paths_.manifest, paths_.new_manifest, ignored);
      throw;
    }
  }
}

void Staging::settle() {
  sync_folder(paths_.folder);
  keep_ = false;
}

}  // namespace dare::pipeline
