#pragma once
/// Seconds that a rank spent in each stage.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dare::pipeline {

enum class Stage : std::uint8_t { read, merge, gather, write, journal, fsync, wait };
inline constexpr std::array<std::string_view, 7> k_stage_names{"read", "merge", "gather", "write", "journal", "fsync", "wait"};

using Timings = std::array<double, k_stage_names.size()>;

/// Adds the time from its making to its end to one stage.
class StageTimer {
 public:
  StageTimer(Timings& timings, Stage stage) : seconds_{&timings[static_cast<std::size_t>(stage)]}, start_{Clock::now()} {}
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;
  ~StageTimer() { *seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double* seconds_;
  Clock::time_point start_;
};

}  // namespace dare::pipeline
