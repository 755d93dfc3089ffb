#pragma once
/// read -> merge -> gather -> write, slice by slice, with all ranks agreeing after each.

#include "pipeline/gather.hpp"
#include "pipeline/progress.hpp"
#include "pipeline/tile_worker.hpp"

#include <dare/core/hash.hpp>

namespace dare::pipeline {

class SliceLoop {
 public:
  /// References must outlive it.
  SliceLoop(const comm::Communicator& world, const plan::Plan& plan, TileWorker& worker, Gather& gather, Timings& timings);

  /// Works through all slices. Collective.
  /// @throws comm::AgreedError  an input's values are refused (the lowest tensor, element and model of all), something failed, or a signal
  /// came.
  void run(Progress& progress);
  /// XXH3-128 of the output bytes of each block of this rank's share, in order.
  [[nodiscard]] const std::vector<Hash128>& hashes() const noexcept { return hashes_; }

 private:
  void work_slice(const plan::Share& slice);
  void agree(std::size_t round);
  void find_lower(std::size_t round);

  const comm::Communicator& world_;
  const plan::Plan& plan_;
  TileWorker& worker_;
  Gather& gather_;
  Timings& timings_;
  std::vector<plan::Share> slices_;
  std::vector<Hash128> hashes_;
  Hasher128 hasher_;
  std::optional<Error> finding_;  // of the inputs' values
  std::optional<Error> failure_;  // of anything else
};

}  // namespace dare::pipeline
