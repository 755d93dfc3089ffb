#pragma once
/// How far a run is, on rank 0's stderr.

#include <dare/pipeline/run_options.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace dare::pipeline {

class Progress {
 public:
  /// @param total  bytes to be moved by all ranks.  @param speaks  false on ranks that stay silent.
  /// @param doing  said before the numbers, where they are not of the whole run; a text that outlives this.
  Progress(ProgressStyle style, std::uint64_t total, bool speaks, std::string_view doing = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Says, if it is time to, that `rounds_done` of `rounds` equal parts are done.
  void update(std::uint64_t rounds_done, std::uint64_t rounds);

 private:
  using Clock = std::chrono::steady_clock;
  ProgressStyle style_;
  std::uint64_t total_;
  std::string_view doing_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
  bool line_open_ = false;
};

}  // namespace dare::pipeline
