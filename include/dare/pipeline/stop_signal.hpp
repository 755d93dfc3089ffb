#pragma once
/// SIGUSR1, SIGINT and SIGTERM as a flag that the loops of a run look at.

#include <string_view>

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
  /// Throws where one came to this rank. @param doing  what it stops, from when on; @param then  what the user can do.
  /// @throws Error  interrupted.
  static void check(std::string_view doing, std::string_view then);
  /// "SIGUSR1", "SIGINT" or "SIGTERM".
  [[nodiscard]] static const char* name(int signal) noexcept;
};

}  // namespace dare::pipeline
