#include "pipeline/measure_journals.hpp"

#include "pipeline/unfinished.hpp"

#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_read_together = 256;  // records: 356 KiB

// By hash: nobody is told what differs.
std::string identity_of_sums(const Work& work, const Product& product, const RunOptions& options) {
  return hash_hex(fmt::format("{}\nsums of {} in {} elements, {} bytes", identity_of(work, product, options), merge::k_sum_block,
                              plan::k_block_elements, sizeof(MeasureRecord)));
}

JournalHead head_of_sums(std::string identity, std::uint64_t blocks) {
  JournalHead head;
  head.identity = std::move(identity);
  head.blocks = blocks;
  return head;
}

// Whether a run goes on from what an interrupted one left in the file.
bool goes_on(const fs::path& file, const JournalHead& head, const RunOptions& options) {
  if (options.unfinished == Unfinished::restart) return false;
  const auto found = MeasureJournal::read_head(file);
  return found && found->identity == head.identity && found->blocks == head.blocks;
}

}  // namespace

std::uint64_t measure_journal_bytes(std::uint64_t blocks) {
  constexpr std::uint64_t k_head = 4096;
  return k_head + blocks * sizeof(MeasureRecord);
}

bool goes_on_measuring(const fs::path& journal, const Work& work, const Product& product, const RunOptions& options) {
  if (options.hash_inputs && work.content_hashes.empty()) return options.unfinished != Unfinished::restart;
  return goes_on(journal, head_of_sums(identity_of_sums(work, product, options), grid_of(work).blocks()), options);
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
  const auto identities = world.from_root([&] {
    std::vector<std::string> all;
    for (const auto& product : work.products) all.push_back(identity_of_sums(work, product, options));
    return all;
  });
  for (const auto& identity : identities) heads_.push_back(head_of_sums(identity, blocks));
  continued_ = world.from_root([&] {
    std::vector<std::uint8_t> continued;
    for (std::size_t p = 0; p < files_.size(); ++p) {
      continued.push_back(goes_on(files_[p], heads_[p], options) ? 1 : 0);
      if (continued.back() == 0) fs::remove(files_[p]);
    }
    return continued;
  });
}

FinishedBlocks MeasureJournals::find_finished(const comm::Communicator& world) const {
  if (std::count(continued_.begin(), continued_.end(), 1) == 0) return {};
  const auto blocks = heads_.front().blocks;
  const auto ranks = static_cast<std::uint64_t>(world.size());
  const auto rank = static_cast<std::uint64_t>(world.rank());
  std::vector<std::vector<std::uint64_t>> of_products(files_.size());
  for (std::size_t p = 0; p < files_.size(); ++p) {
    if (continued_[p] == 0) continue;
    std::vector<std::uint64_t> mine;
    world.agree([&] {
      const auto last = blocks * (rank + 1) / ranks;
      for (auto first = blocks * rank / ranks; first < last; first += k_read_together) {
        StopSignal::check("while the sums of the interrupted run were read", "the same command goes on");
        const auto records = read(p, {first, std::min(first + k_read_together, last)});
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
