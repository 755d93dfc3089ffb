#include "sweep/family.hpp"

#include <gtest/gtest.h>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

Json settings(const std::vector<Json>& models) {
  const Json recipe{{"merge_method", "m"}, {"models", models}, {"parameters", Json::object()}, {"seed", 1}};
  return settings_of({}, recipe.dump());
}

// A setting with its values of single models behind it.
std::string of_models(const std::vector<Json>& models, const std::string& key) {
  const auto all = settings(models);
  auto text = all[key].dump();
  for (std::size_t k = 1; all.contains(key + "." + std::to_string(k)); ++k) text += " " + all[key + "." + std::to_string(k)].dump();
  return text;
}

TEST(Family, SettingsHaveEveryModelsRateInOrder) {
  const Json gradient{{"model", "math"}, {"density", {1.0, 0.7, 0.1}}};
  const Json number{{"model", "code"}, {"drop_rate", 0.5}};
  EXPECT_EQ(of_models({gradient, number}, "drop_rate"), "null [0.0,0.3,0.9] 0.5");
  EXPECT_EQ(of_models({number, gradient}, "drop_rate"), "null 0.5 [0.0,0.3,0.9]");
  EXPECT_EQ(of_models({gradient, gradient}, "drop_rate"), "[0.0,0.3,0.9]");
  EXPECT_EQ(settings({gradient, number})["models"], "math+code");
}

TEST(Family, SettingsHaveRatesThatDependOnTheTensor) {
  const Json filtered{{"model", "m"}, {"rate", {{{"filter", "mlp"}, {"density", 0.33}}, {{"drop_rate", 0.5}}}}};
  const Json number{{"model", "m"}, {"drop_rate", 0.5}};
  EXPECT_EQ(of_models({filtered, number}, "drop_rate"), R"(null [{"filter":"mlp","drop_rate":0.67},{"drop_rate":0.5}] 0.5)");
}

TEST(Family, ADensitysRateHasNoNoise) {
  EXPECT_EQ(settings({{{"model", "m"}, {"density", 0.33}}})["drop_rate"].dump(), "0.67");
  EXPECT_EQ(settings({{{"model", "m"}, {"density", 0.9}}})["drop_rate"].dump(), "0.1");
}

TEST(Family, AModelWithoutAValueKeepsItsPlace) {
  const Json with{{"model", "m"}, {"drop_rate", 0.5}, {"weight", {0.5, 1.0}}};
  const Json without{{"model", "n"}};
  EXPECT_EQ(of_models({without, with}, "drop_rate"), "null null 0.5");
  EXPECT_EQ(of_models({with, without}, "weight"), "null [0.5,1.0] null");
  EXPECT_EQ(of_models({without, without}, "weight"), "null");
}

// Records on the disk are known by it.
TEST(Family, TheHashOfARecipeKnowsTheFormByItsNumber) {
  const auto hash = [](checkpoint::OutputKind format) {
    Settings settings;
    settings.format = format;
    return recipe_hash("{}", settings);
  };
  EXPECT_EQ(hash(checkpoint::OutputKind::folder), hash_hex(std::string{"{}\n0\n0"}));
  EXPECT_EQ(hash(checkpoint::OutputKind::safetensors_file), hash_hex(std::string{"{}\n0\n1"}));
  EXPECT_EQ(hash(checkpoint::OutputKind::hdf5), hash_hex(std::string{"{}\n0\n2"}));
}

}  // namespace
}  // namespace dare::sweep
