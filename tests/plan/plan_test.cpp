#include "support/errors.hpp"

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
                .find("\nwriters          4 (each rank its own blocks: nothing is gathered)\nlargest writer   "),
            std::string::npos);
  EXPECT_NE(to_text(plan_for(4, 2, "node"), {}, {}).find("\nwriters          2 (each gathers other ranks' blocks too)\nlargest writer   "),
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

// Many products are merged in small tiles; a writer collects them where that fits the limit, and keeps the tiles' size where it does not.
TEST(Plan, CollectsTilesOfManyProductsWithinTheMemoryOfARank) {
  const auto plan = [](std::uint64_t memory, std::uint64_t products) {
    auto grid = a_grid(100);
    const auto todo = remaining(grid, {});
    Limits limits{Writers::parse("all"), memory};
    limits.tile_elements = 1U << 15U;
    limits.products = products;
    return make_plan(std::move(grid), Cluster::uniform(2, 1), limits, todo);
  };
  const auto collected = plan(std::uint64_t{64} << 20U, 8);
  EXPECT_EQ(collected.run_elements, k_largest_tile);
  EXPECT_LE(plan(collected.buffer_bytes, 8).buffer_bytes, collected.buffer_bytes);
  EXPECT_EQ(collected.buffer_bytes - plan(std::uint64_t{64} << 20U, 7).buffer_bytes, k_largest_tile * 2);
  const auto tight = plan(collected.buffer_bytes - 1, 8);
  EXPECT_EQ(tight.run_elements, tight.tile_elements);
  EXPECT_EQ(tight.tile_elements, 1U << 15U);
}

TEST(Plan, NamesAMemoryThatIsEnough) {
  EXPECT_EQ(test::error_text<UsageError>([] { return plan_for(4, 1, "1", 1024); }),
            "--memory-per-rank 1KiB: this needs at least 1MiB a rank");
  Limits limits{Writers::parse("1"), 1024};
  limits.working_memory = (std::uint64_t{7} << 20U) + 1;
  const auto plan = [&] {
    auto grid = a_grid(100);
    const auto todo = remaining(grid, {});
    return make_plan(std::move(grid), Cluster::uniform(4, 1), limits, todo);
  };
  EXPECT_THROW((void)plan(), UsageError);
  limits.memory_per_rank = std::uint64_t{8} << 20U;  // 7 MiB, a byte and the buffers, rounded up
  EXPECT_LE(plan().buffer_bytes, limits.memory_per_rank);
}

TEST(Plan, KnowsTheTensorsOfTheBlocksToDo) {
  auto grid = a_grid(3);  // of four blocks each
  const auto of = [&](const std::vector<std::uint64_t>& done) {
    return make_plan(grid, Cluster::uniform(2, 1), {}, remaining(grid, done)).tensors_to_do();
  };
  EXPECT_EQ(of({}), (std::vector<bool>{true, true, true}));
  EXPECT_EQ(of({0, 1, 2, 3, 8, 9, 10}), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), (std::vector<bool>{false, false, false}));
}

// A delta checkpoint's tensors are read as the few bytes that they are, and held as the whole tensors that they stand for.
TEST(Grid, CountsWhatIsReadOfFiles) {
  TensorLoad load{2 * k_block_elements, 32, 16, 16};
  const Grid whole{{load, load}};
  load.stored_bytes = 1'000'001;
  const Grid packed{{load, load}};
  EXPECT_EQ(whole.bytes_read(), 16 * k_block_elements);
  EXPECT_EQ(packed.bytes_read(), 2'000'002U);
  EXPECT_EQ(packed.bytes_before(1), 500'000 + 2 * k_block_elements);
  EXPECT_EQ(packed.bytes_before(2), 1'000'001 + 4 * k_block_elements);
  EXPECT_EQ(packed.bytes_written(), whole.bytes_written());
}

TEST(Plan, OfATrillionParametersOnThousandsOfRanksIsEven) {
  Grid grid{std::vector<TensorLoad>(10'000, {100'000'000, 64, 16, 16})};
  const auto todo = remaining(grid, {});
  const auto plan = make_plan(std::move(grid), Cluster::uniform(4096, 64), {}, todo);
  EXPECT_LE(plan.imbalance(), 1.01);
  EXPECT_EQ(plan.writers(), 4096);
}

}  // namespace
