#pragma once
/// SIGUSR1, SIGINT and SIGTERM as a flag that the loops of a run look at.

#include <dare/comm/communicator.hpp>

#include <string>
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
  /// Ends all ranks where one came to any. @param rest  of the message: what is done and what the user can do.
  /// Collective. @throws comm::AgreedError  interrupted.
  static void agree(const comm::Communicator& world, std::string_view rest);
  /// "stopped by signal 10 (SIGUSR1)".
  [[nodiscard]] static std::string text(int signal);
};

/// While it lives nothing is begun that a signal could cut: one that StopSignal watches ends the process at once, with the exit code of an
/// interruption. Recipes may be pipes that nobody writes to, and headers are many.
/// @param speaks  whether this process tells it, in the name of `program`
class NothingBegun {
 public:
  NothingBegun(std::string_view program, bool speaks);
  NothingBegun(const NothingBegun&) = delete;
  NothingBegun& operator=(const NothingBegun&) = delete;
  ~NothingBegun();
};

}  // namespace dare::pipeline
