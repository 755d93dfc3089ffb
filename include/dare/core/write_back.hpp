#pragma once
/// Written pages on their way to the disk while their writer goes on working.

#include <cstdint>
#include <memory>
#include <vector>

namespace dare {

/// Asks the kernel to begin writing bytes [offset, offset + size) of `fd` to their disk, so that several files' fsyncs wait for one
/// another's work. Blocks only where the disk's queue is full. Where a file system knows no such request nothing happens. Local.
void begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) noexcept;

/// Asks the kernel, from a thread of its own, to begin writing ranges of files to their disk. Nothing waits for them: an fsync is still
/// what makes them safe and reports errors, it only finds less to do. Where a file system knows no such request nothing happens. Local.
class WriteBack {
 public:
  WriteBack();
  WriteBack(WriteBack&&) noexcept;
  WriteBack& operator=(WriteBack&&) noexcept;
  ~WriteBack();

  /// Bytes [offset, offset + size) of `fd` have been written. Consecutive ranges are asked for together, k_portion bytes at a time.
  void wrote(int fd, std::uint64_t offset, std::uint64_t size);
  /// Asks for all that has not been asked for yet and ends the thread. May block where the disk's queue is full.
  void ask_for_rest();
  /// Ends the thread; what was not asked for yet is left to the caller's fsync. Descriptors may be closed afterwards.
  void end();

  static constexpr std::uint64_t k_portion = std::uint64_t{8} << 20U;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;  // with its thread, from the first portion on
  // What was written and not asked for: one run for each rank whose results come in, as a rule.
  struct Run {
    int fd;
    std::uint64_t begin;
    std::uint64_t end;
  };
  std::vector<Run> runs_;
};

}  // namespace dare
