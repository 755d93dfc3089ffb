#include "sweep/batches.hpp"

#include <gmock/gmock.h>

#include <numeric>

namespace dare::sweep {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> numbers(std::uint64_t n, std::uint64_t first = 0) {
  std::vector<std::uint64_t> all(n);
  std::iota(all.begin(), all.end(), first);
  return all;
}

std::vector<std::uint64_t> sizes(const std::vector<Batch>& batches) {
  std::vector<std::uint64_t> all;
  for (const auto& batch : batches) all.push_back(batch.points.size());
  return all;
}

TEST(Batches, OnePassWhereThereIsRoom) {
  const auto batches = make_batches({{numbers(8), 100, 10, 8}}, 1);
  EXPECT_THAT(sizes(batches), ElementsAre(8));
  EXPECT_EQ(batches.front().points, numbers(8));
  EXPECT_EQ(batches.front().bytes, 180U);
}

TEST(Batches, EqualPassesWhereThereIsNot) {
  const auto batches = make_batches({{numbers(8), 100, 10, 3}}, 1);
  EXPECT_THAT(sizes(batches), testing::UnorderedElementsAre(2, 3, 3));
  std::vector<std::uint64_t> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.points.begin(), batch.points.end());
  EXPECT_THAT(all, testing::UnorderedElementsAreArray(numbers(8)));
}

TEST(Batches, EveryGroupHasOneAndTheLargestComesFirst) {
  const auto batches = make_batches({{numbers(2), 10, 1, 100}, {numbers(6, 2), 1000, 100, 100}}, 4);
  EXPECT_THAT(sizes(batches), ElementsAre(2, 2, 2, 2));
  EXPECT_THAT((std::vector{batches[0].family, batches[1].family, batches[2].family, batches[3].family}), ElementsAre(1U, 1U, 1U, 0U));
}

TEST(Batches, FewerPointsThanGroups) {
  EXPECT_THAT(sizes(make_batches({{numbers(2), 10, 1, 100}}, 5)), ElementsAre(1, 1));
  EXPECT_TRUE(make_batches({{{}, 10, 1, 100}}, 5).empty());
  EXPECT_TRUE(make_batches({}, 5).empty());
}

TEST(Batches, StatisticsAreDividedAmongGroupsToo) {
  EXPECT_THAT(sizes(make_batches({{numbers(6), 10, 0, 100}}, 3)), ElementsAre(2, 2, 2));
}

TEST(MostPoints, IsTheLeastOfMemoryFilesAndSpace) {
  EXPECT_EQ(most_points({100, 10, 1000, 1, 1000, 1}), 10U);
  EXPECT_EQ(most_points({100, 1, 12, 4, 1000, 1}), 3U);
  EXPECT_EQ(most_points({100, 1, 1000, 1, 7, 2}), 3U);
  EXPECT_EQ(most_points({100, 1, 1000, 1, 0, 0}), 100U);
  EXPECT_EQ(most_points({0, 1, 0, 1, 0, 1}), 1U);
}

}  // namespace
}  // namespace dare::sweep
