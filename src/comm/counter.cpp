#include <dare/comm/counter.hpp>

#include "comm/check.hpp"

#include <cassert>

namespace dare::comm {
Counter::Counter(const Communicator& world) : comm_{world.handle()} {
  const MPI_Aint bytes = world.is_root() ? sizeof(std::int64_t) : 0;
  check(MPI_Win_allocate(bytes, sizeof(std::int64_t), MPI_INFO_NULL, comm_, static_cast<void*>(&value_), &window_), "MPI_Win_allocate");
  MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN);
  check(MPI_Win_lock_all(0, window_), "MPI_Win_lock_all");
  if (world.is_root()) {
    *value_ = 0;
    check(MPI_Win_sync(window_), "MPI_Win_sync");
  }
  world.barrier();
}

Counter::~Counter() {
  assert(window_ == MPI_WIN_NULL);
}

std::int64_t Counter::next(std::int64_t by) {
  std::int64_t before = 0;
  check(MPI_Fetch_and_op(&by, &before, MPI_INT64_T, 0, 0, MPI_SUM, window_), "MPI_Fetch_and_op");
  check(MPI_Win_flush(0, window_), "MPI_Win_flush");
  return before;
}

void Counter::progress() const {
  int arrived = 0;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &arrived, MPI_STATUS_IGNORE);
}

void Counter::close() {
  check(MPI_Win_unlock_all(window_), "MPI_Win_unlock_all");
  check(MPI_Win_free(&window_), "MPI_Win_free");
}

}  // namespace dare::comm
