#include "sweep/equal_points.hpp"

#include <gtest/gtest.h>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

Json model(Json rate, const std::string& rescale = "expected") {
  return {{"model", "m"}, {"stream", 0}, {"weight", 0.5}, {"drop_rate", std::move(rate)}, {"rescale", rescale}};
}

Json recipe(std::uint64_t seed, const std::vector<Json>& models, const std::string& rounding = "nearest") {
  Json json{{"merge_method", "m"}, {"seed", seed}, {"rounding", rounding}};
  for (const auto& one : models) json["models"].push_back(one);
  return json;
}

bool same_outcome(const Json& one, const Json& other, const std::string& method = "dare_linear") {
  const auto& of = *merge::find_method(method);
  return outcome_of(one.dump(), of) == outcome_of(other.dump(), of);
}

TEST(EqualPoints, OfNothingDroppedTheSeedDoesNotCount) {
  EXPECT_TRUE(same_outcome(recipe(1, {model(0), model(0)}), recipe(2, {model(0), model(0)})));
  EXPECT_FALSE(same_outcome(recipe(1, {model(0), model(0.5)}), recipe(2, {model(0), model(0.5)})));
  EXPECT_FALSE(same_outcome(recipe(1, {model(0)}, "stochastic"), recipe(2, {model(0)}, "stochastic")));
  EXPECT_FALSE(same_outcome(recipe(1, {model(Json::array({0, 0.5}))}), recipe(2, {model(Json::array({0, 0.5}))})));
}

TEST(EqualPoints, OfNothingDroppedTheRescaleDoesNotCountUnlessItIsL1) {
  EXPECT_TRUE(same_outcome(recipe(1, {model(0)}), recipe(1, {model(0, "none")})));
  EXPECT_FALSE(same_outcome(recipe(1, {model(0)}), recipe(1, {model(0, "l1")})));
  EXPECT_FALSE(same_outcome(recipe(1, {model(0.5)}), recipe(1, {model(0.5, "none")})));
}

TEST(EqualPoints, OfNothingDrawnTheSeedDoesNotCount) {
  EXPECT_TRUE(same_outcome(recipe(1, {model(0.5)}), recipe(2, {model(0.5)}), "ties"));
  EXPECT_FALSE(same_outcome(recipe(1, {model(0.5)}), recipe(2, {model(0.25)}), "ties"));
}

TEST(EqualPoints, AreToldWithTheFirst) {
  std::vector<PointKey> keys(4);
  keys[1].outcome = hash128({});
  using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  EXPECT_EQ(equal_points(keys), (Pairs{{2, 0}, {3, 0}}));
}

}  // namespace
}  // namespace dare::sweep
