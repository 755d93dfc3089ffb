#include "sweep/groups.hpp"

#include <dare/core/error.hpp>

#include <gmock/gmock.h>

namespace dare::sweep {
namespace {

using testing::ElementsAre;

std::vector<int> all_groups(const plan::Cluster& cluster, int groups) {
  std::vector<int> all;
  for (int rank = 0; rank < cluster.ranks(); ++rank) all.push_back(group_of(cluster, rank, groups));
  return all;
}

TEST(Groups, AreNodesByDefault) {
  const plan::Cluster cluster{{0, 1, 0, 1, 2}};
  EXPECT_EQ(number_of_groups(cluster, std::nullopt), 3);
  EXPECT_THAT(all_groups(cluster, 3), ElementsAre(0, 1, 0, 1, 2));
}

TEST(Groups, HaveWholeNodesWhereTheyCan) {
  const plan::Cluster cluster{{0, 0, 1, 1, 2, 2, 3, 3}};
  EXPECT_THAT(all_groups(cluster, 2), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(all_groups(cluster, 3), ElementsAre(0, 0, 0, 0, 1, 1, 2, 2));
  EXPECT_THAT(all_groups(cluster, 1), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(Groups, DivideNodesWhereTheyMust) {
  const auto cluster = plan::Cluster::uniform(5, 1);
  EXPECT_THAT(all_groups(cluster, 2), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(all_groups(cluster, 5), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Groups, HaveTheNodesOfTheirRanks) {
  const plan::Cluster cluster{{0, 0, 1, 1, 2, 2, 3, 3}};
  EXPECT_THAT(cluster_of_group(cluster, 2, 1).node_of, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(cluster_of_group(plan::Cluster::uniform(5, 1), 2, 0).node_of, ElementsAre(0, 0, 0));
}

TEST(Groups, AreAtMostAsManyAsRanks) {
  const auto cluster = plan::Cluster::uniform(3, 1);
  for (const int asked : {0, 4, -1}) {
    try {
      (void)number_of_groups(cluster, asked);
      FAIL() << asked;
    } catch (const UsageError& error) {
      EXPECT_EQ(error.what(), "--groups " + std::to_string(asked) + ": give a number from 1 to 3, the number of ranks");
    }
  }
}

}  // namespace
}  // namespace dare::sweep
