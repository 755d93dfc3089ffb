#include "sweep/cost.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace dare::sweep {
namespace {

class CostTest : public testing::Test {
 protected:
  CostTest() {
    std::ofstream{folder_.path() / "sweep.yml"} << "merge_method: linear\nmodels: [{model: a}, {model: b}]\npoints: {p: {weight: 1}}\n";
  }

  // Five points of 10 bytes in passes of 2, 2 and 1.
  [[nodiscard]] SweepCost cost(const std::string& keep, int groups, std::uint64_t beside = 0) const {
    auto texts = read_texts(folder_.path() / "sweep.yml", {});
    texts.sweep_text += "keep: " + keep + "\nevaluate: \"true\"\nscore: x\n";
    Problems problems;
    const Specification specification{texts, problems};
    problems.throw_if_any();
    Costing costing;
    costing.families.resize(1);
    costing.families[0].bytes_written = 10;
    costing.families[0].to_do = {0, 1, 2, 3, 4};
    costing.families[0].bytes_beside = beside;
    return cost_of(specification, costing, {}, {{0, {0, 1}, 0}, {0, {2, 3}, 0}, {0, {4}, 0}}, groups);
  }

  static std::string refusal(SweepCost cost, Keep keep, std::uint64_t free, std::uint64_t begun = 0) {
    Settings settings;
    settings.keep = keep;
    cost.bytes_free = free;
    cost.bytes_begun = begun;
    try {
      require_space(cost, settings, "swept");
    } catch (const InputError& error) { return error.what(); }
    return "";
  }

  test::TempFolder folder_;
};

TEST_F(CostTest, AtOnceAreAllThatAreKeptOrThePassesOfTheGroupsWithTheirBest) {
  EXPECT_EQ(cost("all", 1).bytes_at_once, 50U);
  EXPECT_EQ(cost("none", 1).bytes_at_once, 20U);
  EXPECT_EQ(cost("none", 2).bytes_at_once, 40U);
  EXPECT_EQ(cost("none", 3).bytes_at_once, 50U);
  EXPECT_EQ(cost("best", 1).bytes_at_once, 30U);
  EXPECT_EQ(cost("best", 2).bytes_at_once, 60U);
  EXPECT_EQ(cost("best", 3).bytes_at_once, 50U);
}

TEST_F(CostTest, AtOnceIsWhatPassesHaveBesideTheirOutputs) {
  EXPECT_EQ(cost("all", 1, 3).bytes_at_once, 56U);
  EXPECT_EQ(cost("none", 2, 3).bytes_at_once, 52U);
  EXPECT_EQ(cost("all", 3, 3).bytes_kept, 50U);
}

TEST_F(CostTest, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(refusal(cost("all", 1), Keep::all, 50), "");
  EXPECT_EQ(
      refusal(cost("all", 1), Keep::all, 49),
      "swept: needs 50 B (50 bytes) for the checkpoints that are there at once, 49 B are free; make room, or name a folder elsewhere, or "
      "keep fewer: keep: best or none with evaluate, outputs: delta or statistics");
  EXPECT_EQ(
      refusal(cost("none", 2), Keep::none, 39),
      "swept: needs 40 B (40 bytes) for the checkpoints that are there at once, 39 B are free; make room, or name a folder elsewhere, or "
      "give fewer --groups, each of which has a pass there");
}

TEST_F(CostTest, WhatIsBegunNeedsNoMoreRoom) {
  EXPECT_EQ(refusal(cost("all", 1), Keep::all, 30, 20), "");
  EXPECT_NE(refusal(cost("all", 1), Keep::all, 29, 20), "");
}

}  // namespace
}  // namespace dare::sweep
