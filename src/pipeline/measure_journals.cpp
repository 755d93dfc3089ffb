#include "pipeline/measure_journals.hpp"

#include "pipeline/survey_journals.hpp"

#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_read_together = 256;  // records: 356 KiB

JournalHead head_of_sums(const Work& work, const Product& product, const RunOptions& options, std::uint64_t blocks) {
  return pass_journal_head(
      work, product, options,
      fmt::format("sums of {} in {} elements, {} bytes", merge::k_sum_block, plan::k_block_elements, sizeof(MeasureRecord)), blocks);
}

}  // namespace

std::uint64_t measure_journal_bytes(const Work& work) {
  constexpr std::uint64_t k_head = 4096;
  const auto& tasks = work.products.front().job.tasks;
  const bool surveyed = std::any_of(tasks.begin(), tasks.end(), [](const auto& task) {
    return task.action == recipe::TensorTask::Action::merge && merge::statistics_passes(task.settings) != 0;
  });
  return k_head + grid_of(work).blocks() * sizeof(MeasureRecord) + (surveyed ? k_head + tasks.size() * sizeof(SurveyRecord) : 0);
}

bool goes_on_measuring(const MeasureFiles& journals, const Work& work, const Product& product, const RunOptions& options) {
  if (options.hash_inputs && work.content_hashes.empty()) return options.unfinished != Unfinished::restart;
  return goes_on_from_pass<MeasureRecord>(journals.sums, head_of_sums(work, product, options, grid_of(work).blocks()), options) ||
         goes_on_from_pass<SurveyRecord>(journals.passes, survey_journal_head(work, product, options), options);
}

MeasureRecord::MeasureRecord(std::span<const merge::Measures> of_block) {
  std::copy(of_block.begin(), of_block.end(), sums.begin());
  hash = hash128(std::as_bytes(std::span{sums}));
}

bool MeasureRecord::done() const noexcept {
  return hash == hash128(std::as_bytes(std::span{sums}));
}

MeasureJournals::MeasureJournals(std::vector<fs::path> files, const Work& work, const RunOptions& options, std::uint64_t blocks,
                                 const comm::Communicator& world)
    : files_{std::move(files)} {
  heads_ = world.from_root([&] {
    std::vector<JournalHead> heads;
    for (const auto& product : work.products) heads.push_back(head_of_sums(work, product, options, blocks));
    return heads;
  });
  continued_ = world.from_root([&] {
    std::vector<std::uint8_t> continued;
    for (std::size_t p = 0; p < files_.size(); ++p) {
      continued.push_back(goes_on_from_pass<MeasureRecord>(files_[p], heads_[p], options) ? 1 : 0);
      if (continued.back() == 0) fs::remove(files_[p]);
    }
    return continued;
  });
}

FinishedBlocks MeasureJournals::find_finished(const comm::Communicator& world) const {
  if (std::count(continued_.begin(), continued_.end(), 1) == 0) return {};
  const auto blocks = heads_.front().blocks;
  const auto part = world.part_of(blocks);
  std::vector<std::vector<std::uint64_t>> of_products(files_.size());
  for (std::size_t p = 0; p < files_.size(); ++p) {
    if (continued_[p] == 0) continue;
    std::vector<std::uint64_t> mine;
    world.agree([&] {
      for (auto first = part.first; first < part.last; first += k_read_together) {
        StopSignal::check("while the sums of the interrupted run were read", "the same command goes on");
        const auto records = read(p, {first, std::min(first + k_read_together, part.last)});
        for (std::size_t i = 0; i < records.size(); ++i) {
          if (records[i].done()) mine.push_back(first + i);
        }
      }
    });
    of_products[p] = world.all_gather(mine);
  }
  return {std::move(of_products), blocks};
}

std::vector<MeasureRecord> MeasureJournals::read(std::size_t product, plan::BlockRange blocks) const {
  return MeasureJournal::read_records(files_[product], heads_[product], blocks);
}

MeasureJournal MeasureJournals::open(std::size_t product) const {
  return MeasureJournal::open_or_create(files_[product], heads_[product]);
}

}  // namespace dare::pipeline
