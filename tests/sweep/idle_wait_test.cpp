#include "sweep/idle_wait.hpp"
#include "support/world.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

namespace dare::sweep {
namespace {

using test::world;

// Times that this process has gone to sleep of itself.
long naps() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}

TEST(SumIdly, IsTheSumOfAllRanksValues) {
  const auto all = sum_idly(world(), std::array<std::int64_t, 2>{1, world().rank()});
  EXPECT_EQ(all, (std::array<std::int64_t, 2>{world().size(), world().size() * (world().size() - 1) / 2}));
}

TEST(SumIdly, SleepsWhileOneIsWaitedFor) {
  (void)world().all_reduce(0, comm::Reduce::sum);  // all have begun
  if (world().is_root()) std::this_thread::sleep_for(std::chrono::seconds{1});
  const auto before = naps();
  (void)sum_idly(world(), std::array<std::int64_t, 1>{1});
  const auto slept = naps() - before;
  EXPECT_TRUE(world().is_root() || slept > 30) << slept;  // 200 where nothing else runs
}

}  // namespace
}  // namespace dare::sweep
