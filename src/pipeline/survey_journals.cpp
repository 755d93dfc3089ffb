#include "pipeline/survey_journals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dare::pipeline {

static_assert(sizeof(SurveyRecord) == sizeof(Hash128) + 8 + SurveyRecord::k_models * (sizeof(merge::ModelStatistics) + sizeof(double)) +
                                          sizeof(merge::Cut));  // no gaps: all of it is hashed

bool SurveyRecord::fits(const merge::TensorStatistics& statistics) noexcept {
  return statistics.models.size() <= k_models && statistics.coefficients.size() <= k_models;
}

SurveyRecord::SurveyRecord(const merge::TensorStatistics& statistics)
    : models{static_cast<std::uint32_t>(statistics.models.size())},
      coefficients{static_cast<std::uint32_t>(statistics.coefficients.size())},
      selected{statistics.selected} {
  std::copy(statistics.models.begin(), statistics.models.end(), of_models.begin());
  std::copy(statistics.coefficients.begin(), statistics.coefficients.end(), of_combiner.begin());
  hash = hash_of_rest();
}

Hash128 SurveyRecord::hash_of_rest() const noexcept {
  return hash128(std::as_bytes(std::span{this, 1}).subspan(sizeof(hash)));
}

std::optional<merge::TensorStatistics> SurveyRecord::statistics() const {
  if (hash != hash_of_rest() || models > k_models || coefficients > k_models) return std::nullopt;
  merge::TensorStatistics statistics;
  statistics.models.assign(of_models.begin(), of_models.begin() + models);
  statistics.selected = selected;
  statistics.coefficients.assign(of_combiner.begin(), of_combiner.begin() + coefficients);
  return statistics;
}

JournalHead survey_journal_head(const Work& work, const Product& product, const RunOptions& options) {
  return pass_journal_head(work, product, options, fmt::format("statistics of tensors, {} bytes", sizeof(SurveyRecord)),
                           product.job.tasks.size());
}

SurveyJournals::SurveyJournals(std::vector<std::filesystem::path> files, const Work& work, const RunOptions& options,
                               const comm::Communicator& world)
    : files_{std::move(files)}, writes_{world.is_root()}, known_(files_.size()), unnoted_(files_.size()) {
  const auto found = world.from_root([&] {
    std::vector<std::vector<Found>> all;
    for (std::size_t p = 0; p < files_.size(); ++p) {
      heads_.push_back(survey_journal_head(work, work.products[p], options));
      const bool goes_on = goes_on_from_pass<SurveyRecord>(files_[p], heads_[p], options);
      if (!goes_on) std::filesystem::remove(files_[p]);
      all.push_back(goes_on ? read(p) : std::vector<Found>{});
    }
    return all;
  });
  for (std::size_t p = 0; p < files_.size(); ++p) {
    for (const auto& one : found[p]) known_[p].emplace(one.task, one.statistics);
  }
}

std::vector<SurveyJournals::Found> SurveyJournals::read(std::size_t product) const {
  std::vector<Found> found;
  const auto records = SurveyJournal::read_records(files_[product], heads_[product]);
  for (std::uint32_t task = 0; task < records.size(); ++task) {
    if (auto statistics = records[task].statistics()) found.push_back({task, std::move(*statistics)});
  }
  return found;
}

const merge::TensorStatistics* SurveyJournals::find(std::size_t product, std::uint32_t task) const {
  const auto found = known_[product].find(task);
  return found == known_[product].end() ? nullptr : &found->second;
}

void SurveyJournals::add(std::size_t product, std::uint32_t task, const merge::TensorStatistics& statistics) {
  if (writes_ && SurveyRecord::fits(statistics)) unnoted_[product].emplace(task, statistics);
}

void SurveyJournals::note() {
  for (std::size_t p = 0; p < unnoted_.size(); ++p) {
    if (unnoted_[p].empty()) continue;
    auto journal = SurveyJournal::open_or_create(files_[p], heads_[p]);
    for (const auto& [task, record] : unnoted_[p]) journal.note(task, std::span{&record, 1});
    journal.close();
    unnoted_[p].clear();
  }
}

}  // namespace dare::pipeline
