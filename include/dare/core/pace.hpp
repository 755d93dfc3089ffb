#pragma once
/// When something that is done now and then is due.

#include <algorithm>
#include <chrono>

namespace dare {

/// Work at intervals that takes at most one part in `share` of the time: the slower it is, the rarer. Local.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param between  the least time from one end to the next beginning; the first is due that long from now.
  Pace(Clock::duration between, int share) : between_{between}, share_{share}, next_{Clock::now() + between} {}

  [[nodiscard]] bool due() const { return Clock::now() >= next_; }
  /// Does the work, due or not. Where it throws it is due again at once.
  template <class Work>
  void run(Work&& work) {
    const auto begin = Clock::now();
    work();
    const auto end = Clock::now();
    next_ = end + std::max(between_, share_ * (end - begin));
  }

 private:
  Clock::duration between_;
  int share_;
  Clock::time_point next_;
};

}  // namespace dare
