#pragma once
/// SIGUSR1, SIGINT and SIGTERM as a flag that the slice loop looks at.

namespace dare::pipeline {

/// From its making to its end these signals only set a flag; then what was before holds again. One within another changes nothing.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal();
  /// The number of the signal that came, or 0.
  [[nodiscard]] static int received() noexcept;
  /// "SIGUSR1", "SIGINT" or "SIGTERM".
  [[nodiscard]] static const char* name(int signal) noexcept;
};

}  // namespace dare::pipeline
