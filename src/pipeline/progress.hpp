#pragma once
/// How far a run is, on rank 0's stderr.

#include <dare/pipeline/run_options.hpp>

#include <chrono>
#include <cstdint>

namespace dare::pipeline {

class Progress {
 public:
  /// @param total  bytes to be moved by all ranks.  @param speaks  false on ranks that stay silent.
  Progress(ProgressStyle style, std::uint64_t total, bool speaks);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Says, if it is time to, that `rounds_done` of `rounds` equal parts are done.
  void update(std::size_t rounds_done, std::size_t rounds);

 private:
  using Clock = std::chrono::steady_clock;
  ProgressStyle style_;
  std::uint64_t total_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
  bool line_open_ = false;
};

}  // namespace dare::pipeline
