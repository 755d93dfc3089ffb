#include "sweep/dealer.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

namespace dare::sweep {
namespace {

TEST(Dealer, DealsEveryPieceOnce) {
  const test::TempFolder folder;
  const auto place = make_dealing_folder(folder.path());
  std::mutex mutex;
  std::vector<std::uint64_t> all;
  std::vector<std::thread> groups;
  for (int g = 0; g < 4; ++g) {
    groups.emplace_back([&] {
      Dealer dealer{place, 200};
      while (const auto piece = dealer.take()) {
        const std::scoped_lock lock{mutex};
        all.push_back(*piece);
      }
    });
  }
  for (auto& group : groups) group.join();
  std::sort(all.begin(), all.end());
  std::vector<std::uint64_t> expected(200);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(Dealer, DealsInOrderUntilItIsStopped) {
  const test::TempFolder folder;
  const auto place = make_dealing_folder(folder.path());
  Dealer one{place, 5};
  Dealer other{place, 5};
  EXPECT_EQ(one.take(), 0U);
  EXPECT_EQ(other.take(), 1U);
  EXPECT_EQ(other.take(), 2U);
  EXPECT_EQ(one.take(), 3U);
  one.stop();
  one.stop();
  EXPECT_EQ(other.take(), std::nullopt);
  EXPECT_EQ(one.take(), std::nullopt);
}

TEST(Dealer, EachRunHasAFolderOfItsOwn) {
  const test::TempFolder folder;
  const auto first = make_dealing_folder(folder.path());
  const auto second = make_dealing_folder(folder.path());
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::filesystem::exists(first));
  Dealer late{first, 1};
  EXPECT_THROW((void)late.take(), IoError);
}

}  // namespace
}  // namespace dare::sweep
