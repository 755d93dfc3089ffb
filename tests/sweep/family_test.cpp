#include "sweep/family.hpp"

#include <gtest/gtest.h>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

Json settings(const std::vector<Json>& models) {
  const Json recipe{{"merge_method", "m"}, {"models", models}, {"parameters", Json::object()}, {"seed", 1}};
  return settings_of({}, recipe.dump());
}

TEST(Family, SettingsHaveEveryModelsRateInOrder) {
  const Json gradient{{"model", "math"}, {"density", {1.0, 0.7, 0.1}}};
  const Json number{{"model", "code"}, {"drop_rate", 0.5}};
  EXPECT_EQ(settings({gradient, number})["drop_rate"], "[0.0,0.3,0.9]+0.5");
  EXPECT_EQ(settings({number, gradient})["drop_rate"], "0.5+[0.0,0.3,0.9]");
  EXPECT_EQ(settings({gradient, gradient})["drop_rate"], Json({0.0, 0.3, 0.9}));
}

TEST(Family, SettingsHaveRatesThatDependOnTheTensor) {
  const Json filtered{{"model", "m"}, {"rate", {{{"filter", "mlp"}, {"density", 0.33}}, {{"drop_rate", 0.5}}}}};
  const Json number{{"model", "m"}, {"drop_rate", 0.5}};
  EXPECT_EQ(settings({filtered, number})["drop_rate"], R"([{"filter":"mlp","drop_rate":0.67},{"drop_rate":0.5}]+0.5)");
}

TEST(Family, ADensitysRateHasNoNoise) {
  EXPECT_EQ(settings({{{"model", "m"}, {"density", 0.33}}})["drop_rate"].dump(), "0.67");
  EXPECT_EQ(settings({{{"model", "m"}, {"density", 0.9}}})["drop_rate"].dump(), "0.1");
}

TEST(Family, AModelWithoutAValueKeepsItsPlace) {
  const Json with{{"model", "m"}, {"drop_rate", 0.5}, {"weight", {0.5, 1.0}}};
  const Json without{{"model", "n"}};
  EXPECT_EQ(settings({without, with})["drop_rate"], "-+0.5");
  EXPECT_EQ(settings({with, without})["weight"], "[0.5,1.0]+-");
  EXPECT_TRUE(settings({without, without})["weight"].is_null());
}

}  // namespace
}  // namespace dare::sweep
