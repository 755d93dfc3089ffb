#include "sweep/tally.hpp"

#include "sweep/idle_wait.hpp"

#include <algorithm>
#include <array>

namespace dare::sweep {

void Tally::add(const Tally& other) noexcept {
  for (const auto count : {&Tally::done, &Tally::failed, &Tally::unscored, &Tally::input, &Tally::usage, &Tally::passes, &Tally::bytes_read,
                           &Tally::bytes_written})
    this->*count += other.*count;
  signal = std::max(signal, other.signal);
  broken = std::max(broken, other.broken);
}

void Tally::add_failure(ExitCode code) noexcept {
  ++failed;
  if (code == ExitCode::input) ++input;
  if (code == ExitCode::usage) ++usage;
}

Tally total_of(const Tally& mine, const comm::Communicator& comm) {
  Tally all;
  for (const auto& one : comm.all_gather(mine)) all.add(one);
  return all;
}

Tally roots_tally(const Tally& mine, const comm::Communicator& comm) {
  (void)sum_idly(comm, std::array<std::int64_t, 1>{});
  return comm.all_gather(mine).front();
}

}  // namespace dare::sweep
