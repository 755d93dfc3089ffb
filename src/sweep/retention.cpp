#include "sweep/retention.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>

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

fs::path deleted_name(const fs::path& output) {
  return output.parent_path() / ("." + output.filename().string() + ".deleted");
}

bool is_better_score(const Settings& settings, double one, double other) noexcept {
  return settings.lowest_is_best ? one < other : one > other;
}

}  // namespace

void delete_checkpoint(const Places& places, Record& record) {
  if (record.output.empty()) return;
  const pipeline::OutputPaths paths{places.folder / record.output};
  // The record goes first: a checkpoint without a record is made anew where it is broken, a record without its checkpoint would mislead.
  record.output.clear();
  write_record(places, record);
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
