#include <dare/recipe/setting.hpp>

#include <gtest/gtest.h>

namespace dare::recipe {
namespace {

TEST(Setting, ConstantHoldsEverywhere) {
  const auto setting = Setting::constant(0.25);
  EXPECT_EQ(setting.at("any", 0), 0.25);
  EXPECT_EQ(setting.at("other", 1), 0.25);
}

TEST(Setting, FirstMatchingPartWins) {
  const Setting setting{{{"mlp", {1}}, {"down", {2}}, {"", {3}}}};
  EXPECT_EQ(setting.at("h.0.mlp.down", 0), 1);
  EXPECT_EQ(setting.at("h.0.down", 0), 2);
  EXPECT_EQ(setting.at("h.0.up", 0), 3);
}

TEST(Setting, NothingWhereNoPartMatches) {
  const Setting setting{{{"mlp", {1}}}};
  EXPECT_EQ(setting.at("h.0.attn", 0), std::nullopt);
}

TEST(Setting, GradientInterpolatesLinearly) {
  const Setting setting{{{"", {0, 1, 3}}}};
  EXPECT_EQ(setting.at("x", 0), 0);
  EXPECT_EQ(setting.at("x", 0.25), 0.5);
  EXPECT_EQ(setting.at("x", 0.5), 1);
  EXPECT_EQ(setting.at("x", 0.75), 2);
  EXPECT_EQ(setting.at("x", 1), 3);
}

TEST(Setting, GradientIsExactAtItsPoints) {
  const Setting setting{{{"", {0.1, 0.7, 0.3, 0.9}}}};
  EXPECT_EQ(setting.at("x", 0), 0.1);
  EXPECT_EQ(setting.at("x", 1), 0.9);
  const Setting one{{{"", {0.3}}}};
  for (const auto depth : {0.0, 0.3, 1.0}) EXPECT_EQ(one.at("x", depth), 0.3);
}

}  // namespace
}  // namespace dare::recipe
