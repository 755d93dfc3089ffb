#include <dare/plan/partition.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace {

using namespace dare::plan;

// Tensors of many sizes, empty ones and ones of several blocks with a rest among them.
Grid mixed_grid(std::uint32_t seed, int tensors) {
  std::mt19937 random{seed};
  std::vector<TensorLoad> loads;
  for (int i = 0; i < tensors; ++i) {
    const auto size = random() % 4;
    const auto elements = size == 0 ? 0 : size == 1 ? random() % 100 : size == 2 ? k_block_elements : random() % (5 * k_block_elements);
    loads.push_back({elements, 16 * (1 + random() % 4), 16, 16});
  }
  return Grid{loads};
}

TEST(Grid, BlocksCoverEveryElementOnceInOrder) {
  const auto grid = mixed_grid(1, 60);
  ASSERT_GT(grid.blocks(), 60U);
  std::vector<std::uint64_t> covered(grid.tensors().size());
  for (std::uint64_t number = 0; number < grid.blocks(); ++number) {
    const auto block = grid.block(number);
    ASSERT_EQ(block.first, covered[block.tensor]);
    ASSERT_GT(block.elements, 0U);
    covered[block.tensor] += block.elements;
  }
  for (std::size_t t = 0; t < covered.size(); ++t) EXPECT_EQ(covered[t], grid.tensors()[t].elements);
}

TEST(Partition, SharesAreAllBlocksOnceInOrderAndNearlyEqual) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const auto grid = mixed_grid(seed, 40);
    for (const int ranks : {1, 2, 3, 5, 64, 1000}) {
      const auto shares = partition(grid, remaining(grid, {}), ranks);
      ASSERT_EQ(shares.size(), static_cast<std::size_t>(ranks));
      std::uint64_t next = 0;
      std::uint64_t largest = 0;
      for (const auto& share : shares) {
        for (const auto& range : share) {
          ASSERT_EQ(range.first, next);
          next = range.last;
        }
        largest = std::max(largest, bytes_in(grid, share));
      }
      EXPECT_EQ(next, grid.blocks());
      const auto block_bytes = k_block_elements * (64 + 16) / 8;
      EXPECT_LE(largest, grid.bytes_before(grid.blocks()) / static_cast<unsigned>(ranks) + block_bytes);
    }
  }
}

TEST(Partition, OfWhatRemainsLeavesOutWhatIsDone) {
  const auto grid = mixed_grid(3, 40);
  const std::vector<std::uint64_t> done{0, 1, 5, 6, 20};
  std::vector<std::uint64_t> blocks;
  for (const auto& share : partition(grid, remaining(grid, done), 3)) {
    for (const auto& range : share) {
      for (auto block = range.first; block < range.last; ++block) blocks.push_back(block);
    }
  }
  EXPECT_EQ(blocks.size() + done.size(), grid.blocks());
  EXPECT_TRUE(std::is_sorted(blocks.begin(), blocks.end()));
  for (const auto block : done) EXPECT_FALSE(std::binary_search(blocks.begin(), blocks.end(), block));
}

TEST(Slices, AreTheShareInOrderWithinTheLimit) {
  const auto grid = mixed_grid(4, 40);
  const auto share = remaining(grid, {2, 3, 9});
  const std::uint64_t limit = 24U << 20U;
  std::uint64_t blocks = 0;
  for (const auto& slice : slices(grid, share, limit)) {
    EXPECT_TRUE(bytes_in(grid, slice) <= limit || blocks_in(slice) == 1);
    blocks += blocks_in(slice);
  }
  EXPECT_EQ(blocks, blocks_in(share));
}

TEST(TileCursor, WalksEveryElementOfTheShare) {
  const auto grid = mixed_grid(5, 30);
  const auto share = remaining(grid, {1, 4});
  std::uint64_t elements = 0;
  std::uint64_t ends = 0;
  for (TileCursor cursor{grid, share, 1U << 14U}; !cursor.done();) {
    const auto tile = cursor.next();
    const auto block = grid.block(tile.block);
    ASSERT_EQ(tile.tensor, block.tensor);
    ASSERT_LE(tile.first + tile.elements, block.first + block.elements);
    ASSERT_EQ(tile.ends_block, tile.first + tile.elements == block.first + block.elements);
    elements += tile.elements;
    ends += tile.ends_block ? 1 : 0;
  }
  std::uint64_t wanted = 0;
  for (const auto& range : share) {
    for (auto block = range.first; block < range.last; ++block) wanted += grid.block(block).elements;
  }
  EXPECT_EQ(elements, wanted);
  EXPECT_EQ(ends, blocks_in(share));
}

}  // namespace
