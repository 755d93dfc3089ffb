#pragma once
/// What a run has done so far, in numbers.

#include <dare/comm/communicator.hpp>
#include <dare/core/error.hpp>

#include <cstdint>

namespace dare::sweep {

/// What a group did; the same on all its ranks.
struct Tally {
  std::int64_t done = 0;
  std::int64_t failed = 0;    ///< nothing was made
  std::int64_t unscored = 0;  ///< made, but their evaluation failed
  std::int64_t input = 0;     ///< of them: exit code 3
  std::int64_t usage = 0;     ///< of them: exit code 2
  std::int64_t passes = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::int64_t signal = 0;  ///< that stopped it
  std::int64_t broken = 0;  ///< 1: it stopped, since no evaluation of a pass gave scores that let its checkpoints go

  /// Takes in what another group, or another run of this one, has done.
  void add(const Tally& other) noexcept;
  void add_failure(ExitCode code) noexcept;
};

/// The tallies of all ranks in one. Collective.
[[nodiscard]] Tally total_of(const Tally& mine, const comm::Communicator& comm);

/// Rank 0's tally, on every rank; one that waits for it sleeps meanwhile. Collective.
[[nodiscard]] Tally roots_tally(const Tally& mine, const comm::Communicator& comm);

}  // namespace dare::sweep
