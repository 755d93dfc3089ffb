#include "recipe/recipe_json.hpp"

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

}  // namespace
}  // namespace dare::recipe
