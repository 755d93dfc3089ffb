#pragma once
/// The sums of finished blocks of a statistics pass on the disk: what a later run need not measure again.

#include "pipeline/finished_blocks.hpp"
#include "pipeline/pass_journal.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/core/hash.hpp>
#include <dare/merge/measure.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/plan/grid.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dare::pipeline {

/// What one product has of a block of the grid.
struct MeasureRecord {
  Hash128 hash{};                                                                   ///< of the sums
  std::array<merge::Measures, plan::k_block_elements / merge::k_sum_block> sums{};  ///< zero behind the block's end

  MeasureRecord() = default;
  explicit MeasureRecord(std::span<const merge::Measures> of_block);
  /// Whether it was written, and is what was written.
  [[nodiscard]] bool done() const noexcept;
};

using MeasureJournal = JournalOf<MeasureRecord>;

/// The journals of a pass, one a product; each holds for the product's recipe and inputs alone, whatever other products the pass has, and
/// whichever ranks have which blocks. A file is made with the first record.
class MeasureJournals {
 public:
  /// Removes what interrupted runs left of another recipe, other inputs or another program, and all where `options` say to begin anew.
  /// Collective.
  /// @param files  one a product.
  /// @throws comm::AgreedError
  MeasureJournals(std::vector<std::filesystem::path> files, const Work& work, const RunOptions& options, std::uint64_t blocks,
                  const comm::Communicator& world);

  /// Blocks whose records are whole; ranks share the reading. Collective. @throws comm::AgreedError
  [[nodiscard]] FinishedBlocks find_finished(const comm::Communicator& world) const;
  /// Records of some blocks, whole or not. Local. @pre an interrupted run left a journal of the product  @throws IoError
  [[nodiscard]] std::vector<MeasureRecord> read(std::size_t product, plan::BlockRange blocks) const;
  /// To note a product's records. Local. @throws IoError
  [[nodiscard]] MeasureJournal open(std::size_t product) const;
  [[nodiscard]] const std::filesystem::path& file(std::size_t product) const { return files_[product]; }

 private:
  std::vector<std::filesystem::path> files_;
  std::vector<JournalHead> heads_;
  std::vector<std::uint8_t> continued_;  // by product: an interrupted run's journal is there
};

}  // namespace dare::pipeline
