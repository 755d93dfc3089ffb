#pragma once
/// Waits of minutes or hours: MPI's own keep a processor busy, which whoever is waited for may need.

#include <dare/comm/communicator.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace dare::sweep {

/// The sums of all ranks' values; a rank that waits for others sleeps meanwhile. Collective.
template <std::size_t N>
[[nodiscard]] std::array<std::int64_t, N> sum_idly(const comm::Communicator& comm, const std::array<std::int64_t, N>& mine) {
  constexpr std::chrono::milliseconds k_nap{5};
  std::array<std::int64_t, N> all{};
  auto request = comm.begin_all_reduce(mine, all, comm::Reduce::sum);
  while (!request.test()) std::this_thread::sleep_for(k_nap);
  return all;
}

}  // namespace dare::sweep
