#pragma once
/// read -> merge -> gather -> write, slice by slice, with all ranks agreeing after each.

#include "pipeline/gather.hpp"
#include "pipeline/journal.hpp"
#include "pipeline/progress.hpp"
#include "pipeline/tile_worker.hpp"

#include <dare/core/hash.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace dare::pipeline {

class SliceLoop {
 public:
  /// @param journals  one a product.
  /// @param going_on  RunOptions::going_on(). References must outlive it.
  SliceLoop(const comm::Communicator& world, const plan::Plan& plan, const FinishedBlocks& finished, TileWorker& worker, Gather& gather,
            std::vector<Journal>& journals, Timings& timings, std::string_view going_on);

  /// Works through all slices, or until no product is left: one whose inputs' values are refused is given up and the others go on.
  /// Collective. When something else failed or a signal came all ranks throw. @throws comm::AgreedError
  void run(Progress& progress);

  /// Why a product was given up: the lowest tensor, element and model of all ranks, as far as they look beyond where they are; nothing for
  /// one that is complete. The same on all ranks.
  [[nodiscard]] const std::optional<comm::AgreedError>& refusal(std::size_t product) const { return products_[product].refusal; }
  /// XXH3-128 of the output bytes of each block of the grid; zero for blocks that this run did not do. Collective.
  /// @pre !refusal(product)
  [[nodiscard]] std::vector<Hash128> all_hashes(std::size_t product) const;

 private:
  struct Product {
    std::vector<JournalRecord> records;  // of this rank's blocks, in order
    std::size_t noted = 0;               // of them, in the journal
    merge::Counts counted;               // in all of them
    Hasher128 hasher;
    std::optional<Error> finding;  // this rank's
    std::optional<comm::AgreedError> refusal;
  };

  void work_slice(const plan::Share& slice);
  [[nodiscard]] bool is_lost(const Product& product) const;
  void skip(const plan::Tile& tile, std::size_t product);
  [[nodiscard]] bool compute(const plan::Tile& tile, std::size_t product, std::span<std::byte> space);
  int agree(std::size_t round);
  void settle(std::size_t product, int lowest_rank, std::size_t round);
  void find_lower(std::size_t product, std::size_t round);
  void note(const plan::Share& slice);
  [[noreturn]] void stop(int signal);

  const comm::Communicator& world_;
  const plan::Plan& plan_;
  const FinishedBlocks& finished_;
  TileWorker& worker_;
  Gather& gather_;
  std::vector<Journal>& journals_;
  Timings& timings_;
  std::string_view going_on_;
  std::vector<plan::Share> slices_;
  std::vector<Product> products_;
  std::uint64_t blocks_done_ = 0;
  bool cut_ = false;              // a signal came amid this slice: its last tiles are not there; after agree() of any rank
  std::optional<Error> failure_;  // of anything but the inputs' values
};

}  // namespace dare::pipeline
