#include "recipe/recipe_json.hpp"

#include "recipe/recipe_from_json.hpp"
#include "recipe/support.hpp"

namespace dare::recipe {
namespace {

using test::parsed;

std::string json_of(const Recipe& recipe) {
  return recipe_json(recipe, *merge::find_method(recipe.method));
}

TEST(RecipeJson, SpellsOutEveryDefault) {
  EXPECT_EQ(json_of(parsed("merge_method: dare_linear\nbase_model: b/\nmodels: [{model: m0, parameters: {drop_rate: 0.9}}]")),
            R"({"merge_method":"dare_linear","base_model":"b/","models":[{"model":"m0","stream":0,"weight":1.0,"drop_rate":0.9,)"
            R"("rescale":"expected"}],"parameters":{"lambda":1.0,"normalize":false},"seed":0,"out_dtype":null,"exclude":[],)"
            R"("missing":"error","rows":"error","nonfinite":"error","overflow":"error","rounding":"nearest","compat":"none"})");
}

TEST(RecipeJson, OneMeaningOneText) {
  const auto a = parsed(
      "merge_method: dare_linear\nbase_model: b\nmodels:\n- {model: m0, parameters: {drop_rate: 0.9, weight: 0.5}}\n"
      "- {model: m1, stream: 1, parameters: {drop_rate: .9, weight: 5e-1}}\ndtype: bfloat16\nparameters: {lambda: 1, int8_mask: false}");
  const auto b = parsed(
      "dtype: float32\nout_dtype: BF16\nparameters: {weight: [0.5], drop_rate: [{value: 0.9}, {filter: x, value: 0}], rescale: true}\n"
      "models: [{model: m0}, {model: m1}]\nbase_model: b\nmerge_method: dare_linear\nseed: 0\ncompat: none");
  Overrides over;
  over.base = "b";
  over.models = {"m0", "m1"};
  over.parameters["drop_rate"] = std::vector<double>{0.9};
  over.parameters["weight"] = std::vector<double>{0.5, 0.5};
  over.dtype = "bf16";
  EXPECT_EQ(json_of(a), json_of(b));
  EXPECT_EQ(json_of(a), json_of(load({}, over)));
}

TEST(RecipeJson, FiltersGradientsAndWhichRateWasGiven) {
  EXPECT_EQ(json_of(parsed("merge_method: dare_linear\nbase_model: b\nseed: 18446744073709551615\nexclude: x\nparameters: {density: 0.1}\n"
                           "models: [{model: m0, stream: 7, parameters: {weight: [0, 1], drop_rate: {filter: mlp, value: [0.5, 1]}}}]")),
            R"({"merge_method":"dare_linear","base_model":"b","models":[{"model":"m0","stream":7,"weight":[0.0,1.0],)"
            R"("rate":[{"filter":"mlp","drop_rate":[0.5,1.0]},{"density":0.1}],"rescale":"expected"}],)"
            R"("parameters":{"lambda":1.0,"normalize":false},"seed":18446744073709551615,"out_dtype":null,"exclude":["x"],)"
            R"("missing":"error","rows":"error","nonfinite":"error","overflow":"error","rounding":"nearest","compat":"none"})");
}

TEST(RecipeJson, LeavesOutWhatTheMethodDoesNotTake) {
  EXPECT_EQ(json_of(parsed("merge_method: task_arithmetic\nbase_model: b\nmodels: [{model: m0, stream: 3, parameters: {density: 1}}]")),
            R"({"merge_method":"task_arithmetic","base_model":"b","models":[{"model":"m0","weight":1.0}],)"
            R"("parameters":{"lambda":1.0,"normalize":false},"seed":0,"out_dtype":null,"exclude":[],)"
            R"("missing":"error","rows":"error","nonfinite":"error","overflow":"error","rounding":"nearest","compat":"none"})");
}

TEST(RecipeJson, PathsOfAnyBytes) {
  const auto text = json_of(parsed("merge_method: task_arithmetic\nbase_model: \"\\xff\"\nmodels: [{model: \"m\\\"\\n\"}]"));
  EXPECT_NE(text.find(R"("model":"m\"\n")"), std::string::npos) << text;
}

TEST(RecipeJson, MergelmKeepsItsOrder) {
  const auto text = json_of(parsed(test::with("compat: mergelm\ntensor_order: [b, a]")));
  EXPECT_NE(text.find(R"("compat":"mergelm","tensor_order":["b","a"])"), std::string::npos) << text;
  EXPECT_EQ(text.find("stream"), std::string::npos) << text;
}

// What is wrong with a manifest's recipe, in the words of errors of ours.
std::string refusal(const std::string& json) {
  return test::error_text<InputError>([&] { return recipe_from_json(json, "m.json: the manifest's recipe", "/models"); });
}

TEST(RecipeJson, ARecordedRecipeOfAnotherStructureIsRefusedByItsPlace) {
  const auto refused = [](const std::string& why) {
    return "m.json: the manifest's recipe: no recipe of a merge (" + why + "); take the manifest from where the output came from";
  };
  EXPECT_EQ(refusal("[]"), refused("the whole is a list, expected an object"));
  EXPECT_EQ(refusal("{}"), refused("models is missing"));
  EXPECT_EQ(refusal(R"({"models": {"model": "m"}})"), refused("models is an object, expected a list"));
  EXPECT_EQ(refusal(R"({"models": ["m"]})"), refused("models[0] is \"m\", expected an object"));
  EXPECT_EQ(refusal(R"({"models": [], "parameters": 0.5})"), refused("parameters is 0.5, expected an object"));
  EXPECT_EQ(refusal(R"({"models": [{"model": "m"}, {"model": "n", "rate": 0.5}]})"), refused("models[1].rate is 0.5, expected a list"));
  EXPECT_EQ(refusal(R"({"models": [{"model": "m", "rate": [{"density": 0.5}, 0.5]}]})"),
            refused("models[0].rate[1] is 0.5, expected an object"));
  EXPECT_EQ(refusal("{"), refused("ends in the middle, in line 1"));
}

TEST(RecipeJson, ARecordedRecipeWithAWrongValueIsRefusedAsAUsersIs) {
  const auto recipe = [](const std::string& seed) {
    return R"({"merge_method": "dare_linear", "base_model": "b", "models": [{"model": "m", "drop_rate": 0.5}], "parameters": {}, "seed": )" +
           seed + "}";
  };
  EXPECT_EQ(refusal(recipe("7")), "");
  EXPECT_EQ(refusal(recipe("[]")).find("m.json: the manifest's recipe:1: seed: expected "), 0U) << refusal(recipe("[]"));
}

}  // namespace
}  // namespace dare::recipe
