#include "sweep/retention.hpp"

#include "checkpoint/endings.hpp"
#include "sweep/family.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>

#include <exception>
#include <string_view>
#include <system_error>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

// Another group may be removing the same, so that what remove_all() has just seen is gone a moment later.
void remove_checkpoint(const fs::path& path) {
  std::error_code error;
  for (int tries = 0; tries < 3; ++tries) {
    fs::remove_all(path, error);
    if (!fs::exists(path)) return;
  }
  throw IoError{fmt::format("{}: cannot be removed: {}", path.string(), error.message())};
}

constexpr std::string_view k_deleted = ".deleted";

fs::path deleted_name(const fs::path& output) {
  return output.parent_path() / fmt::format(".{}{}", output.filename().string(), k_deleted);
}

// The output that a name is deleted_name() of; empty where it is none.
std::string output_deleted(const std::string& name) {
  if (!name.starts_with('.') || !name.ends_with(k_deleted) || name.size() <= k_deleted.size() + 1) return "";
  return name.substr(1, name.size() - 1 - k_deleted.size());
}

bool is_better_score(const Settings& settings, double one, double other) noexcept {
  return settings.lowest_is_best ? one < other : one > other;
}

}  // namespace

void delete_checkpoint(const Places& places, Record& record) {
  if (record.output.empty()) return;
  const auto output = places.folder / record.output;
  // The record goes first: a checkpoint without a record is made anew where it is broken, a record without its checkpoint would mislead.
  record.output.clear();
  write_record(places, record);
  remove_output(output);
}

void remove_output(const fs::path& output) {
  const pipeline::OutputPaths paths{output};
  // Away from its name at once: what a kill leaves is either whole, or known as nobody's.
  const auto aside = deleted_name(paths.output);
  std::error_code ignored;  // of groups that delete the same one comes first
  fs::rename(paths.output, aside, ignored);
  remove_checkpoint(paths.output);
  remove_checkpoint(aside);
  if (paths.single_file) remove_checkpoint(paths.manifest);
}

void finish_deletion(const fs::path& output) {
  remove_checkpoint(deleted_name(output));
  const pipeline::OutputPaths paths{output};
  if (paths.single_file && !fs::exists(paths.output)) remove_checkpoint(paths.manifest);
}

void remove_cut_deletions(const Places& places, const std::set<std::string>& points) noexcept {
  const auto is_of_point = [&](const std::string& output) {
    for (const auto& form : checkpoint::k_output_forms) {
      if (!output.ends_with(form.ending)) continue;
      const auto point = output.substr(0, output.size() - form.ending.size());
      std::error_code ignored;
      if (points.count(point) != 0 || fs::exists(places.record(point), ignored)) return true;
    }
    return false;
  };
  std::error_code error;
  for (fs::directory_iterator entry{places.folder, error}, end; !error && entry != end; entry.increment(error)) {
    const auto output = output_deleted(entry->path().filename().string());
    if (output.empty() || !is_of_point(output)) continue;
    try {
      finish_deletion(places.folder / output);
    } catch (const std::exception&) {}  // the next run tries again
  }
}

bool Retention::is_better(const Best& one, const Best& other) const noexcept {
  if (one.score != other.score) return is_better_score(settings_, one.score, other.score);
  return one.position < other.position;
}

void Retention::add(std::uint64_t position, Record record) {
  if (settings_.keep == Keep::all || record.status != Status::done || record.output.empty() || record.scores.empty()) return;
  if (settings_.keep == Keep::none) return delete_checkpoint(places_, record);
  const auto found = record.scores.find(settings_.score);
  if (found == record.scores.end()) return;
  Best one{position, found->get<double>(), std::move(record)};
  if (!best_) {
    best_ = std::move(one);
    return;
  }
  if (is_better(one, *best_)) std::swap(one, *best_);
  delete_checkpoint(places_, one.record);
}

std::optional<BestPoint> best_of(const Settings& settings, const std::vector<const Record*>& records) {
  auto score = settings.score;
  std::optional<BestPoint> best;
  for (const auto* record : records) {
    if (record->status != Status::done || record->scores.empty()) continue;
    if (score.empty()) score = record->scores.begin().key();
    const auto found = record->scores.find(score);
    if (found == record->scores.end()) continue;
    if (!best || is_better_score(settings, found->get<double>(), best->value.get<double>())) best = {score, *found, record->point, {}};
    else if (found->get<double>() == best->value.get<double>()) best->equals.push_back(record->point);
  }
  return best;
}

}  // namespace dare::sweep
