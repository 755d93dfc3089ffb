#include <dare/core/pace.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace dare {
namespace {

using namespace std::chrono_literals;

TEST(Pace, IsDueOnceItsTimeHasPassed) {
  EXPECT_FALSE((Pace{1h, 20}.due()));
  EXPECT_TRUE((Pace{0s, 20}.due()));
}

TEST(Pace, SlowWorkIsRarer) {
  Pace pace{0s, 100'000};
  pace.run([] { std::this_thread::sleep_for(10ms); });
  EXPECT_FALSE(pace.due());
  Pace fast{0s, 1};
  fast.run([] { std::this_thread::sleep_for(10ms); });
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(fast.due());
}

TEST(Pace, WorkThatFailsIsDueAgain) {
  Pace pace{0s, 1'000'000};
  EXPECT_THROW(pace.run([] { throw 1; }), int);
  EXPECT_TRUE(pace.due());
}

}  // namespace
}  // namespace dare
