#include "pipeline/block_sums.hpp"

#include <gtest/gtest.h>

namespace dare::pipeline {
namespace {

using Ranges = std::vector<plan::BlockRange>;

TEST(HeldBlocks, AreAllBlocksInOrderWhateverTheSharesLeaveOut) {
  EXPECT_EQ(held_blocks({{{0, 4}}, {{4, 9}}}, 9), (Ranges{{0, 4}, {4, 9}}));
  EXPECT_EQ(held_blocks({{{2, 3}, {4, 5}}, {{6, 7}}}, 9), (Ranges{{0, 6}, {6, 9}}));
  EXPECT_EQ(held_blocks({{}, {{2, 3}}, {}, {{5, 6}}, {}}, 9), (Ranges{{0, 2}, {2, 5}, {5, 5}, {5, 9}, {9, 9}}));
  EXPECT_EQ(held_blocks({{}, {}}, 9), (Ranges{{0, 9}, {9, 9}}));
}

TEST(BlockSums, HasThoseOfEachHeldBlock) {
  const plan::Grid grid{{{plan::k_block_elements + 1, 16, 16, 16}, {0, 16, 16, 16}, {3 * merge::k_sum_block - 1, 16, 16, 16}}};
  BlockSums sums{grid, {0, 3}, 2};
  EXPECT_EQ(sums.of(1, 0).size(), 16U);
  EXPECT_EQ(sums.of(1, 1).size(), 1U);
  EXPECT_EQ(sums.of(1, 2).size(), 3U);
  EXPECT_EQ(sums.of(1, 2).data(), sums.of(1, 0).data() + 17);
  EXPECT_EQ((BlockSums{grid, {1, 3}, 1}.of(0, 2).size()), 3U);
}

}  // namespace
}  // namespace dare::pipeline
