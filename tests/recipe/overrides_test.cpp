#include "recipe/finish.hpp"
#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using test::error_of;
using test::parse_error;
using test::parsed;
using testing::ElementsAre;

const std::string k_two =
    "merge_method: dare_linear\nbase_model: b\nmodels:\n- {model: m0, parameters: {density: 0.1, weight: 2}}\n"
    "- {model: m1, parameters: {drop_rate: 0.5}}\nparameters: {lambda: 1}\nseed: 1\ndtype: F16\nexclude: a\n";

TEST(Overrides, CommandLineAlone) {
  Overrides over;
  over.base = "b";
  over.models = {"m0", "m1"};
  over.parameters["drop_rate"] = std::vector<double>{0.9};
  over.parameters["weight"] = std::vector<double>{0.5, 0.25};
  const auto recipe = load({}, over);
  EXPECT_EQ(recipe.method, "dare_linear");
  EXPECT_EQ(recipe.base->path, "b");
  ASSERT_EQ(recipe.models.size(), 2U);
  EXPECT_EQ(recipe.models[1].path, "m1");
  EXPECT_EQ(recipe.models[1].stream, 1U);
  EXPECT_EQ(recipe.models[0].parameters.drop_rate, Setting::constant(0.9));
  EXPECT_EQ(recipe.models[1].parameters.drop_rate, Setting::constant(0.9));
  EXPECT_EQ(recipe.models[0].parameters.weight, Setting::constant(0.5));
  EXPECT_EQ(recipe.models[1].parameters.weight, Setting::constant(0.25));
}

TEST(Overrides, CommandLineAloneNeedsBaseModelsAndRates) {
  EXPECT_EQ(error_of([] { (void)load({}, {}); }),
            "2: 2 problems found:\n"
            "  command line: no model is given; list them under models, or with --model\n"
            "  command line: dare_linear needs a base; give base_model, or --base");
  Overrides over;
  over.base = "b";
  over.models = {"m0"};
  EXPECT_EQ(error_of([&] { (void)load({}, over); }), "2: --model: m0: dare_linear needs a drop_rate or a density");
}

TEST(Overrides, EachReplacesTheRecipes) {
  Overrides over;
  over.base = "/other";
  over.models = {"x0", "x1"};
  over.parameters["drop_rate"] = std::vector<double>{0.25};
  over.parameters["weight"] = std::vector<double>{3};
  over.stream = {8, 9};
  over.parameters["lambda"] = std::vector<double>{0.5};
  over.parameters["normalize"] = true;
  over.parameters["rescale"] = "none";
  over.seed = 99;
  over.dtype = "BF16";
  over.exclude = {"^x", "y$"};
  over.policies["missing"] = "skip";
  over.policies["rows"] = "base";
  over.policies["nonfinite"] = "keep";
  over.policies["overflow"] = "saturate";
  over.policies["rounding"] = "stochastic";
  const auto recipe = parsed(k_two, over);
  EXPECT_EQ(recipe.base->path, "/other");
  EXPECT_EQ(recipe.models[0].path, "x0");
  for (const auto& model : recipe.models) {
    EXPECT_EQ(model.parameters.drop_rate, Setting::constant(0.25));
    EXPECT_FALSE(model.parameters.density);
    EXPECT_EQ(model.parameters.weight, Setting::constant(3));
  }
  EXPECT_EQ(recipe.models[0].stream, 8U);
  EXPECT_EQ(recipe.models[1].stream, 9U);
  EXPECT_EQ(recipe.method_parameters.lambda, Setting::constant(0.5));
  EXPECT_EQ(recipe.method_parameters.normalize, true);
  EXPECT_EQ(recipe.parameters.rescale, merge::Rescale::none);
  EXPECT_EQ(recipe.seed, 99U);
  EXPECT_EQ(recipe.output_dtype(), Dtype::bf16);
  EXPECT_THAT(recipe.exclude, ElementsAre("^x", "y$"));
  EXPECT_EQ(recipe.missing, Missing::skip);
  EXPECT_EQ(recipe.rows, Rows::base);
  EXPECT_EQ(recipe.nonfinite, merge::Nonfinite::keep);
  EXPECT_EQ(recipe.overflow, merge::Overflow::saturate);
  EXPECT_EQ(recipe.rounding, merge::Rounding::stochastic);
}

TEST(Overrides, WhatIsNotOverriddenStays) {
  Overrides over;
  over.models = {"x0", "x1"};
  const auto recipe = parsed(k_two, over);
  EXPECT_EQ(recipe.models[0].parameters.density, Setting::constant(0.1));
  EXPECT_EQ(recipe.models[0].parameters.weight, Setting::constant(2));
  EXPECT_EQ(recipe.output_dtype(), Dtype::f16);
  EXPECT_EQ(recipe.seed, 1U);
}

TEST(Overrides, DensityReplacesTheDropRate) {
  Overrides over;
  over.parameters["density"] = std::vector<double>{0.25};
  const auto recipe = parsed(k_two, over);
  EXPECT_EQ(recipe.models[1].parameters.density, Setting::constant(0.25));
  EXPECT_FALSE(recipe.models[1].parameters.drop_rate);
}

TEST(Overrides, ListsAreGivenOnceOrOnceAModel) {
  Overrides over;
  over.parameters["weight"] = std::vector<double>{1, 2, 3};
  over.parameters["drop_rate"] = std::vector<double>{0.1, 0.2, 0.3};
  over.stream = {1, 2, 3};
  EXPECT_EQ(parse_error(k_two, over),
            "2: 3 problems found:\n"
            "  --weight: 3 values of weight for 2 models; give one for all, or one a model\n"
            "  --drop-rate: 3 values of drop_rate for 2 models; give one for all, or one a model\n"
            "  --stream: 3 values of stream for 2 models; give one for all, or one a model");
  Overrides models;
  models.models = {"x"};
  EXPECT_EQ(parse_error(k_two, models), "2: --model: given 1 times, the recipe has 2 models; give as many, or change the recipe");
}

TEST(Overrides, ValuesAreChecked) {
  Overrides over;
  over.parameters["drop_rate"] = std::vector<double>{1.5};
  over.parameters["lambda"] = std::vector<double>{std::numeric_limits<double>::infinity()};
  over.parameters["rescale"] = "l2";
  over.dtype = "I8";
  over.method = "soup";
  over.policies["missing"] = "x";
  EXPECT_EQ(parse_error(k_two, over),
            "2: 6 problems found:\n"
            "  --dtype: expected a float type such as BF16, F16 or F32, found \"I8\"\n"
            "  --drop-rate: 1.5 is outside [0, 1]\n"
            "  --rescale: expected none, expected or l1, found \"l2\"\n"
            "  --lambda: inf is outside the finite numbers\n"
            "  --missing: expected error, base or skip, found \"x\"\n"
            "  --method: " +
                unknown_method("soup"));
  Overrides both;
  both.parameters["drop_rate"] = std::vector<double>{0.5};
  both.parameters["density"] = std::vector<double>{0.5};
  EXPECT_EQ(parse_error(k_two, both), "2: --drop-rate: given beside --density; density is 1 - drop_rate, give one");
}

TEST(Overrides, PlacesOfOptionsAreTheirNames) {
  Overrides over;
  over.method = "task_arithmetic";
  over.parameters["drop_rate"] = std::vector<double>{0.5};
  EXPECT_EQ(parse_error(k_two, over), "2: --drop-rate: task_arithmetic drops nothing: drop_rate can only be 0; choose a method that drops");
}

TEST(Overrides, WhatAnOptionSaysOfEveryModelIsRefusedOnce) {
  Overrides over;
  over.method = "linear";
  over.models = {"m0", "m1"};
  over.parameters["drop_rate"] = std::vector<double>{0.2};
  EXPECT_EQ(error_of([&] { (void)load({}, over); }),
            "2: --drop-rate: linear drops nothing: drop_rate can only be 0; choose a method that drops");
  over.method = "ties";
  over.base = "b";
  over.parameters["gamma"] = std::vector<double>{0.1};
  EXPECT_THAT(error_of([&] { (void)load({}, over); }), testing::StartsWith("2: --gamma: ties has no gamma; it takes: "));
}

}  // namespace
}  // namespace dare::recipe
