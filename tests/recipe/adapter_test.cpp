/// LoRA adapters among the models.
#include <dare/recipe/job.hpp>

#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using test::error_of;
using test::header;
using test::parsed;
using testing::ElementsAre;

checkpoint::Header adapter(const std::string& root, const std::vector<test::Tensor>& tensors) {
  auto made = header(root, tensors);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    made.tensors[i].low_rank = static_cast<std::int32_t>(i);
    made.low_rank.emplace_back();
  }
  return made;
}

TEST(Adapter, IsNotWeighedByCheckpointsOfWholeModels) {
  const auto base = header("b", {{"a", Dtype::f32, {2, 2}}, {"q", Dtype::f32, {2, 2}}});
  const auto lora = adapter("folder/ad", {{"q", Dtype::f32, {2, 2}}});
  struct Case {
    std::string method, key, what, parameters;
  };
  for (const auto& [method, key, what, parameters] :
       {Case{"fisher", "fisher", "Fisher weights", ""}, Case{"dare_regmean", "gram", "Gram matrices", "parameters: {drop_rate: 0.5}"}}) {
    const auto yaml =
        "merge_method: " + method + "\nbase_model: b\nmodels: [{model: m, " + key + ": f}, {model: ad, " + key + ": f}]\n" + parameters;
    EXPECT_EQ(error_of([&] {
                (void)resolve(parsed(yaml), base, {base, lora}, {base, base});
              }),
              "2: folder/ad: a LoRA adapter, and " + method + " weighs whole models by their " + what +
                  "; make it a model first (dare-merge --method task_arithmetic --base BASE --model ad OUTPUT) and list that instead");
  }
}

// Also of tensors that the adapter does not name: its merged model would draw there.
TEST(Adapter, DrawsAsItsMergedModelUnderCompatMergelm) {
  const auto base = header("b", {{"a", Dtype::f32, {3}}, {"q", Dtype::f32, {5}}, {"z", Dtype::f32, {7}}});
  const auto lora = adapter("ad", {{"q", Dtype::f32, {5}}});
  const std::string yaml =
      "merge_method: dare_linear\nbase_model: b\nmodels: [{model: ad}, {model: m}]\nparameters: {drop_rate: 0.5}\ncompat: mergelm\n";
  const auto draws = [&](const std::vector<checkpoint::Header>& models) {
    std::vector<std::uint64_t> all;
    for (const auto& task : resolve(parsed(yaml), base, models).tasks) {
      for (const auto& term : task.settings.models) all.push_back(term.first_draw);
    }
    return all;
  };
  EXPECT_THAT(draws({lora, base}), ElementsAre(0, 15, 3, 18, 8, 23));
  EXPECT_EQ(draws({lora, base}), draws({base, base}));
}

TEST(Adapter, OfATokenMoreThanTheBaseHas) {
  const auto base = header("b", {{"e", Dtype::f32, {4, 2}}});
  const auto lora = adapter("ad", {{"e", Dtype::f32, {5, 2}}});
  const std::string yaml = "merge_method: task_arithmetic\nbase_model: b\nmodels: [{model: ad}]\nrows: ";
  EXPECT_EQ(
      error_of([&] { (void)resolve(parsed(yaml + "extend"), base, {lora}); }),
      "3: ad: tensor \"e\": F32 [5, 2], expected the base's F32 [4, 2]; an adapter changes added rows whose first values the base lacks: "
      "merge it into its resized base with PEFT and give the result, or set rows: base");
  EXPECT_EQ(resolve(parsed(yaml + "base"), base, {lora}).tasks[0].settings.models[0].elements, 8U);
  EXPECT_EQ(resolve(parsed(yaml + "extend"), base, {header("m", {{"e", Dtype::f32, {5, 2}}})}).tasks[0].settings.elements, 10U);
}

TEST(Adapter, OfAnotherTypeThanCompatMergelmTakes) {
  const auto base = header("b", {{"a", Dtype::bf16, {3}}, {"q", Dtype::bf16, {5}}});
  const auto lora = adapter("ad", {{"q", Dtype::f32, {5}}});
  EXPECT_EQ(
      error_of([&] { (void)resolve(parsed(test::with("compat: mergelm\n")), base, {lora}); }),
      "3: b: compat: mergelm merges F32 alone, found BF16 in \"a\", \"q\"; convert the checkpoint (dare-convert --dtype F32), or leave "
      "compat out");
}

TEST(Adapter, OfLayersThatTheBaseLacks) {
  const auto base = header("b", {{"q", Dtype::f32, {5}}});
  const auto lora = adapter("ad", {{"q", Dtype::f32, {5}}, {"layers.9.q", Dtype::f32, {5}}});
  EXPECT_EQ(error_of([&] { (void)resolve(parsed(test::with("")), base, {lora}); }),
            "3: ad: a LoRA adapter changes tensors that are not in the base: \"layers.9.q\"; give the base that it was trained on, or set "
            "missing: skip to leave these out");
  EXPECT_THAT(resolve(parsed(test::with("compat: none\nmissing: skip\n")), base, {lora}).notes,
              ElementsAre("ad: not in the base, left out: \"layers.9.q\""));
}

}  // namespace
}  // namespace dare::recipe
