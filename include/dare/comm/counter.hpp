#pragma once
/// A number that all ranks count up, each when it likes: for dealing work to whoever is free.

#include <dare/comm/communicator.hpp>

#include <cstdint>

namespace dare::comm {

/// Move-only owner of a counter that starts at 0. It lies on rank 0 and is reached by one-sided communication.
class Counter {
 public:
  /// Collective over `world`, which must outlive the counter. @throws Error  MPI has no window for it.
  explicit Counter(const Communicator& world);
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter();  ///< close() comes first: it is collective

  /// The counter's value before `by` is added to it. Local.
  [[nodiscard]] std::int64_t next(std::int64_t by = 1);
  /// Lets MPI answer other ranks from a rank that makes no other calls for long. Local.
  void progress() const;
  /// Collective.
  void close();

 private:
  MPI_Comm comm_;
  MPI_Win window_ = MPI_WIN_NULL;
  std::int64_t* value_ = nullptr;
};

}  // namespace dare::comm
