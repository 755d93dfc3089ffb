#include "sweep/retention.hpp"

#include <dare/pipeline/output_paths.hpp>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

bool is_scored(const Record& record) {
  return record.status == Status::done && !record.scores.empty();
}

}  // namespace

std::optional<std::size_t> best_of(const std::vector<Record>& records, const Settings& settings) {
  std::optional<std::size_t> best;
  double best_score = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!is_scored(records[i])) continue;
    const auto& scores = records[i].scores;
    const auto found = settings.score.empty() ? scores.begin() : scores.find(settings.score);
    if (found == scores.end()) continue;
    const auto score = found->get<double>();
    if (best && !(settings.lowest_is_best ? score < best_score : score > best_score)) continue;
    best = i;
    best_score = score;
  }
  return best;
}

void delete_checkpoint(const Places& places, Record& record) {
  if (record.output.empty()) return;
  const pipeline::OutputPaths paths{places.folder / record.output};
  // The record goes first: a checkpoint without a record is made anew where it is broken, a record without its checkpoint would mislead.
  record.output.clear();
  write_record(places, record);
  fs::remove_all(paths.output);
  if (paths.single_file) fs::remove(paths.manifest);
}

void apply_retention(const Settings& settings, const Places& places, std::vector<Record> records) {
  if (settings.keep == Keep::all) return;
  const auto best = settings.keep == Keep::best ? best_of(records, settings) : std::nullopt;
  // Where no record has the score that decides, nothing is known to be worse.
  if (settings.keep == Keep::best && !best) return;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i != best && is_scored(records[i])) delete_checkpoint(places, records[i]);
  }
}

}  // namespace dare::sweep
