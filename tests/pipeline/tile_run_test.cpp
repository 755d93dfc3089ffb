#include "pipeline/tile_run.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes all;
  for (const auto value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

// A result's bytes in the space for it, not kept.
void fill(TileRun& run, std::uint32_t tensor, std::uint64_t offset, const Bytes& result) {
  const auto space = run.space(tensor, offset, result.size());
  ASSERT_EQ(space.size(), result.size());
  std::copy(result.begin(), result.end(), space.begin());
}

void add(TileRun& run, std::uint32_t tensor, std::uint64_t offset, const Bytes& result) {
  ASSERT_TRUE(run.takes(tensor, offset, result.size()));
  fill(run, tensor, offset, result);
  run.keep(result.size());
}

Bytes collected(const TileRun& run) {
  return {run.bytes().begin(), run.bytes().end()};
}

TEST(TileRun, CollectsWhatFollows) {
  TileRun run{6};
  EXPECT_TRUE(run.bytes().empty());
  add(run, 3, 100, bytes({1, 2}));
  add(run, 3, 102, bytes({3, 4, 5}));
  EXPECT_EQ(run.tensor(), 3U);
  EXPECT_EQ(run.offset(), 100U);
  EXPECT_EQ(collected(run), bytes({1, 2, 3, 4, 5}));
}

TEST(TileRun, TakesNothingOfAnotherTensorNorPastAGapNorFromBefore) {
  TileRun run{6};
  add(run, 3, 100, bytes({1, 2}));
  EXPECT_TRUE(run.takes(3, 102, 2));
  EXPECT_FALSE(run.takes(4, 102, 2));
  EXPECT_FALSE(run.takes(2, 102, 2));
  EXPECT_FALSE(run.takes(4, 0, 2));
  EXPECT_FALSE(run.takes(3, 103, 2));
  EXPECT_FALSE(run.takes(3, 101, 2));
  EXPECT_FALSE(run.takes(3, 100, 2));
}

TEST(TileRun, TakesUpToItsCapacityAndIsFullThen) {
  TileRun run{6};
  EXPECT_FALSE(run.full());
  add(run, 0, 0, bytes({1, 2, 3, 4}));
  EXPECT_FALSE(run.full());
  EXPECT_FALSE(run.takes(0, 4, 3));
  add(run, 0, 4, bytes({5, 6}));
  EXPECT_TRUE(run.full());
  EXPECT_FALSE(run.takes(0, 6, 1));
  EXPECT_EQ(collected(run), bytes({1, 2, 3, 4, 5, 6}));
}

TEST(TileRun, BeginsAnywhereOnceItIsCleared) {
  TileRun run{4};
  add(run, 0, 0, bytes({1, 2, 3, 4}));
  run.clear();
  EXPECT_FALSE(run.full());
  EXPECT_TRUE(run.bytes().empty());
  add(run, 7, 1000, bytes({9}));
  EXPECT_EQ(run.tensor(), 7U);
  EXPECT_EQ(run.offset(), 1000U);
  EXPECT_EQ(collected(run), bytes({9}));
}

TEST(TileRun, AResultThatWasNotKeptIsNoPartOfIt) {
  TileRun run{6};
  fill(run, 1, 40, bytes({7, 7}));  // a run that begins with it begins with the next instead
  EXPECT_TRUE(run.bytes().empty());
  add(run, 2, 80, bytes({1, 2}));
  fill(run, 2, 82, bytes({7, 7}));
  EXPECT_EQ(collected(run), bytes({1, 2}));
  EXPECT_FALSE(run.takes(2, 84, 2));  // its place is a gap
  add(run, 2, 82, bytes({3}));        // and is still free
  EXPECT_EQ(run.tensor(), 2U);
  EXPECT_EQ(run.offset(), 80U);
  EXPECT_EQ(collected(run), bytes({1, 2, 3}));
}

}  // namespace
}  // namespace dare::pipeline
