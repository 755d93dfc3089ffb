#include "pipeline/slice_loop.hpp"

#include <dare/core/packed.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr std::size_t k_rounds_looked_through = 4;  // 1 GiB a rank

}  // namespace

SliceLoop::SliceLoop(const comm::Communicator& world, const plan::Plan& plan, const FinishedBlocks& finished, TileWorker& worker,
                     Gather& gather, std::vector<Journal>& journals, Timings& timings, std::string_view going_on)
    : world_{world},
      plan_{plan},
      finished_{finished},
      worker_{worker},
      gather_{gather},
      journals_{journals},
      timings_{timings},
      going_on_{going_on},
      slices_{plan::slices(plan.grid, plan.shares[static_cast<std::size_t>(world.rank())], plan::k_slice_bytes)},
      products_(journals.size()) {}

void SliceLoop::run(Progress& progress) {
  const auto rounds = static_cast<std::size_t>(world_.all_reduce(static_cast<std::int64_t>(slices_.size()), comm::Reduce::max));
  for (std::size_t round = 0; round < rounds; ++round) {
    gather_.begin_slice(round);
    if (round < slices_.size()) work_slice(slices_[round]);
    gather_.end_slice();
    const auto signal = agree(round);
    if (std::all_of(products_.begin(), products_.end(), [](const Product& product) { return product.refusal.has_value(); })) return;
    if (round < slices_.size()) note(slices_[round]);
    if (signal != 0 && (cut_ || round + 1 < rounds)) stop(signal);
    progress.update(round + 1, rounds);
  }
  world_.agree_on(failure_);
}

// After an error or a signal the rest of the slice is sent as failed results: the writer expects every one.
void SliceLoop::work_slice(const plan::Share& slice) {
  for (plan::TileCursor cursor{plan_.grid, slice, plan_.tile_elements}; !cursor.done();) {
    const auto tile = cursor.next();
    cut_ = cut_ || StopSignal::received() != 0;
    for (std::size_t product = 0; product < products_.size(); ++product) {
      if (finished_.has(product, tile.block)) {
        skip(tile, product);
        continue;
      }
      const auto space = gather_.space(tile, product);
      gather_.submit(tile, product, compute(tile, product, space));
    }
  }
}

bool SliceLoop::is_lost(const Product& product) const {
  return cut_ || failure_ || product.finding || product.refusal;
}

// An interrupted run has the block. Its record takes its place among this run's, which are in order.
void SliceLoop::skip(const plan::Tile& tile, std::size_t product) {
  auto& state = products_[product];
  if (tile.ends_block && !is_lost(state)) state.records.push_back(finished_.record(product, tile.block));
}

bool SliceLoop::compute(const plan::Tile& tile, std::size_t product, std::span<std::byte> space) {
  auto& state = products_[product];
  if (is_lost(state)) return false;
  try {
    worker_.compute(tile, product, space);
    const StageTimer timer{timings_, Stage::merge};
    state.hasher.update(space);
    if (tile.ends_block) {
      auto of_block = worker_.counts(product);
      of_block -= state.counted;
      state.records.push_back({state.hasher.digest(), of_block});
      state.counted += of_block;
      state.hasher.reset();
    }
    return true;
  } catch (const InputError& error) { state.finding = error; } catch (const Error& error) {
    failure_ = error;
  } catch (const std::exception& error) { failure_ = Error{ExitCode::failure, fmt::format("rank {}: {}", world_.rank(), error.what())}; }
  return false;
}

// Ends all ranks together if any has met trouble; else the signal that any has received, or 0.
int SliceLoop::agree(std::size_t round) {
  if (!failure_ && gather_.failure()) failure_ = gather_.failure();
  std::vector<std::int64_t> lowest{failure_ ? world_.rank() : world_.size(), -StopSignal::received(), cut_ ? -1 : 0};
  for (const auto& product : products_) lowest.push_back(product.finding ? world_.rank() : world_.size());
  {
    const StageTimer timer{timings_, Stage::wait};
    world_.all_reduce(lowest, comm::Reduce::min);
  }
  if (lowest[0] < world_.size()) world_.agree_on(failure_);
  cut_ = lowest[2] != 0;
  for (std::size_t product = 0; product < products_.size(); ++product) {
    if (lowest[3 + product] < world_.size()) settle(product, static_cast<int>(lowest[3 + product]), round);
  }
  return static_cast<int>(-lowest[1]);
}

// Gives a product up: all ranks learn why.
void SliceLoop::settle(std::size_t product, int lowest_rank, std::size_t round) {
  auto& state = products_[product];
  if (world_.rank() < lowest_rank) find_lower(product, round);
  try {
    world_.agree_on(state.finding);
  } catch (const comm::AgreedError& error) { state.refusal = error; }
  state.finding.reset();
}

// The user is told the lowest place of all, whatever the partition: ranks before the one that found something look at what they have not
// merged yet. Near the finding, that is: not for hours, and not once a signal has come.
void SliceLoop::find_lower(std::size_t product, std::size_t round) {
  std::vector<std::byte> space;
  const auto last = std::min(slices_.size(), round + 1 + k_rounds_looked_through);
  for (auto next = round + 1; next < last; ++next) {
    for (plan::TileCursor cursor{plan_.grid, slices_[next], plan_.tile_elements}; !cursor.done();) {
      if (StopSignal::received() != 0) return;
      const auto tile = cursor.next();
      if (finished_.has(product, tile.block)) continue;
      space.resize(packed_bytes(tile.elements, plan_.grid.tensors()[tile.tensor].largest_write_bits));
      try {
        worker_.compute(tile, product, space);
      } catch (const InputError& error) {
        products_[product].finding = error;
        return;
      } catch (const Error&) {
        return;  // the finding at hand is reported; this file's trouble comes next time
      }
    }
  }
}

// All ranks have written what belongs to this round: the slice's blocks, or where it was cut those hashed before, can be called done.
void SliceLoop::note(const plan::Share& slice) {
  const StageTimer timer{timings_, Stage::journal};
  std::uint64_t done = 0;
  try {
    for (std::size_t product = 0; product < products_.size(); ++product) {
      auto& state = products_[product];
      if (state.refusal) continue;
      auto rest = std::span<const JournalRecord>{state.records}.subspan(state.noted);
      done = rest.size();
      for (const auto& range : slice) {
        const auto blocks = std::min<std::uint64_t>(range.last - range.first, rest.size());
        journals_[product].note(range.first, rest.first(blocks));
        rest = rest.subspan(blocks);
      }
      state.noted = state.records.size();
    }
  } catch (const Error& error) { failure_ = error; }  // told when all agree next
  blocks_done_ += done;
}

// The blocks that were finished are noted; one that the signal cut is made again.
void SliceLoop::stop(int signal) {
  world_.agree_on(failure_);
  const auto done = world_.all_reduce(static_cast<std::int64_t>(blocks_done_), comm::Reduce::sum);
  throw comm::AgreedError{ExitCode::interrupted, fmt::format("{} after {} of {} blocks of this run; {} goes on from there",
                                                             StopSignal::text(signal), done, plan_.blocks_to_do(), going_on_)};
}

std::vector<Hash128> SliceLoop::all_hashes(std::size_t product) const {
  std::vector<Hash128> mine;
  for (const auto& record : products_[product].records) mine.push_back(record.hash);
  const auto of_shares = world_.all_gather(mine);
  std::vector<Hash128> hashes(plan_.grid.blocks());
  std::size_t next = 0;
  for (const auto& share : plan_.shares) {
    for (const auto& range : share) {
      for (auto block = range.first; block < range.last; ++block) hashes[block] = of_shares[next++];
    }
  }
  return hashes;
}

}  // namespace dare::pipeline
