#include "pipeline/slice_loop.hpp"

#include "pipeline/stop_signal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dare::pipeline {

SliceLoop::SliceLoop(const comm::Communicator& world, const plan::Plan& plan, TileWorker& worker, Gather& gather, Timings& timings)
    : world_{world},
      plan_{plan},
      worker_{worker},
      gather_{gather},
      timings_{timings},
      slices_{plan::slices(plan.grid, plan.shares[static_cast<std::size_t>(world.rank())], plan::k_slice_bytes)} {}

void SliceLoop::run(Progress& progress) {
  const auto rounds = static_cast<std::size_t>(world_.all_reduce(static_cast<std::int64_t>(slices_.size()), comm::Reduce::max));
  std::int64_t moved = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    gather_.begin_slice(round);
    if (round < slices_.size()) {
      work_slice(slices_[round]);
      moved += static_cast<std::int64_t>(plan::bytes_in(plan_.grid, slices_[round]));
    }
    gather_.end_slice();
    agree(round);
    progress.update(static_cast<std::uint64_t>(world_.all_reduce(moved, comm::Reduce::sum)));
  }
}

// After an error the rest of the slice is sent as failed tiles: the writer expects every one.
void SliceLoop::work_slice(const plan::Share& slice) {
  for (plan::TileCursor cursor{plan_.grid, slice, plan_.tile_elements}; !cursor.done();) {
    const auto tile = cursor.next();
    const auto space = gather_.space(tile);
    if (!finding_ && !failure_) {
      try {
        worker_.compute(tile, space);
        const StageTimer timer{timings_, Stage::merge};
        hasher_.update(space);
        if (tile.ends_block) {
          hashes_.push_back(hasher_.digest());
          hasher_.reset();
        }
      } catch (const InputError& error) { finding_ = error; } catch (const Error& error) {
        failure_ = error;
      } catch (const std::exception& error) {
        failure_ = Error{ExitCode::failure, fmt::format("rank {}: {}", world_.rank(), error.what())};
      }
    }
    gather_.submit(tile, !finding_ && !failure_);
  }
}

void SliceLoop::agree(std::size_t round) {
  if (!failure_ && gather_.failure()) failure_ = gather_.failure();
  std::array<std::int64_t, 3> lowest{failure_ ? world_.rank() : world_.size(), finding_ ? world_.rank() : world_.size(),
                                     StopSignal::received() != 0 ? -StopSignal::received() : 0};
  {
    const StageTimer timer{timings_, Stage::wait};
    world_.all_reduce(lowest, comm::Reduce::min);
  }
  if (lowest[0] < world_.size()) world_.agree_on(failure_);
  if (lowest[1] < world_.size()) {
    if (world_.rank() < lowest[1]) find_lower(round);
    world_.agree_on(finding_);
  }
  if (lowest[2] != 0) {
    throw comm::AgreedError{
        ExitCode::interrupted,
        fmt::format("stopped by signal {} after slice {}; nothing was written to the output: run it again", -lowest[2], round + 1)};
  }
}

// The user is told the lowest place of all, whatever the partition: ranks before the one that found something look at what they have not
// merged yet.
void SliceLoop::find_lower(std::size_t round) {
  std::vector<std::byte> space;
  for (auto next = round + 1; next < slices_.size() && !finding_; ++next) {
    for (plan::TileCursor cursor{plan_.grid, slices_[next], plan_.tile_elements}; !cursor.done() && !finding_;) {
      const auto tile = cursor.next();
      space.resize((tile.elements * plan_.grid.tensors()[tile.tensor].write_bits + 7) / 8);
      try {
        worker_.compute(tile, space);
      } catch (const InputError& error) { finding_ = error; } catch (const Error&) {
        return;  // the finding at hand is reported; this file's trouble comes next time
      }
    }
  }
}

}  // namespace dare::pipeline
