#include <dare/core/error.hpp>
#include <dare/plan/plan.hpp>

#include <gtest/gtest.h>

namespace {

using namespace dare;
using namespace dare::plan;

Grid a_grid(std::size_t tensors) {
  return Grid{std::vector<TensorLoad>(tensors, {3 * k_block_elements + 7, 64, 16, 16})};
}

Plan plan_for(int ranks, int nodes, const char* writers, std::uint64_t memory = 512U << 20U) {
  auto grid = a_grid(100);
  const auto todo = remaining(grid, {});
  return make_plan(std::move(grid), Cluster::uniform(ranks, nodes), {Writers::parse(writers), memory}, todo);
}

TEST(Writers, AreOneANodeOrAsManyAsAsked) {
  EXPECT_EQ(plan_for(8, 2, "node").writer_of, (std::vector<int>{0, 0, 0, 0, 4, 4, 4, 4}));
  EXPECT_EQ(plan_for(4, 2, "all").writer_of, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(plan_for(5, 1, "2").writer_of, (std::vector<int>{0, 0, 0, 3, 3}));
  EXPECT_EQ(plan_for(3, 1, "9").writers(), 3);
  EXPECT_THROW((void)Writers::parse("0"), UsageError);
  EXPECT_THROW((void)Writers::parse("2x"), UsageError);
  EXPECT_THROW((void)Writers::parse(""), UsageError);
}

TEST(Plan, SaysWhatItsWritersDo) {
  EXPECT_NE(to_text(plan_for(4, 2, "all"), {}, {})
                .find("\nwriters          4 (each rank writes its own blocks: nothing is gathered), the largest writes "),
            std::string::npos);
  EXPECT_NE(to_text(plan_for(4, 2, "node"), {}, {})
                .find("\nwriters          2 (each gathers other ranks' blocks beside its own), the largest writes "),
            std::string::npos);
}

TEST(Plan, BuffersStayWithinTheMemoryOfARank) {
  for (const std::uint64_t memory : {std::uint64_t{1} << 20U, std::uint64_t{4} << 20U, std::uint64_t{512} << 20U}) {
    for (const auto* writers : {"1", "node", "all"}) {
      const auto plan = plan_for(64, 4, writers, memory);
      EXPECT_LE(plan.buffer_bytes, memory);
      EXPECT_GE(plan.tile_elements, 4096U);
      EXPECT_EQ(k_block_elements % plan.tile_elements, 0U);
    }
  }
  EXPECT_THROW((void)plan_for(4, 1, "1", 1024), UsageError);
}

TEST(Plan, OfATrillionParametersOnThousandsOfRanksIsEven) {
  Grid grid{std::vector<TensorLoad>(10'000, {100'000'000, 64, 16, 16})};
  const auto todo = remaining(grid, {});
  const auto plan = make_plan(std::move(grid), Cluster::uniform(4096, 64), {}, todo);
  EXPECT_LE(plan.imbalance(), 1.01);
  EXPECT_EQ(plan.writers(), 4096);
}

}  // namespace
