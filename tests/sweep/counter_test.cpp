#include "support/world.hpp"

#include <dare/comm/counter.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace dare::comm {
namespace {

using test::world;

TEST(Counter, DealsEveryNumberOnce) {
  Counter counter{world()};
  std::vector<std::int64_t> mine;
  for (int i = 0; i < 50; ++i) mine.push_back(counter.next());
  auto all = world().all_gather(mine);
  EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> expected(50U * static_cast<unsigned>(world().size()));
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
  counter.close();
}

TEST(Counter, GivesOneRankAllTheNumbersWhileOthersWait) {
  Counter counter{world()};
  if (world().rank() == world().size() - 1) {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(counter.next(3), 3 * i);
  }
  world().barrier();
  EXPECT_GE(counter.next(0), 300);
  counter.progress();
  counter.close();
}

}  // namespace
}  // namespace dare::comm
