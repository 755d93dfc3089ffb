#include <dare/recipe/job.hpp>

#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using Action = TensorTask::Action;
using test::error_of;
using test::header;
using test::parsed;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string k_head = "merge_method: dare_linear\nbase_model: b\n";
const std::string k_one = k_head + "models: [{model: m0, parameters: {drop_rate: 0.5, rescale: expected}}]\n";
const std::string k_two =
    k_head + "parameters: {drop_rate: 0.5, rescale: expected}\nmodels: [{model: m0, parameters: {weight: 2}}, {model: m1}]\n";

MergeJob job_of(const std::string& yaml, const checkpoint::Header& base, const std::vector<checkpoint::Header>& models) {
  return resolve(parsed(yaml), base, models);
}
std::string job_error(const std::string& yaml, const checkpoint::Header& base, const std::vector<checkpoint::Header>& models) {
  return error_of([&] { (void)job_of(yaml, base, models); });
}

TEST(Resolve, OneTaskATensorInFileOrder) {
  const auto base = header("b", {{"w", Dtype::bf16, {3, 4}}, {"s", Dtype::bf16, {}}, {"empty", Dtype::bf16, {0, 7}}});
  const auto job = job_of(k_two + "seed: 7\n", base,
                          {base, header("m1", {{"empty", Dtype::bf16, {0, 7}}, {"s", Dtype::bf16, {}}, {"w", Dtype::bf16, {3, 4}}})});
  ASSERT_EQ(job.tasks.size(), 3U);
  EXPECT_TRUE(job.has_base);
  EXPECT_THAT(job.notes, ElementsAre());
  const auto& w = job.tasks[0];
  EXPECT_EQ(w.action, Action::merge);
  EXPECT_EQ(w.tensor, 0U);
  EXPECT_EQ(w.shape, (Shape{3, 4}));
  EXPECT_EQ(w.settings.name, "w");
  EXPECT_EQ(w.settings.base_dtype, Dtype::bf16);
  EXPECT_EQ(w.settings.out_dtype, Dtype::bf16);
  EXPECT_EQ(w.settings.elements, 12U);
  EXPECT_EQ(w.settings.base_elements, 12U);
  EXPECT_EQ(w.settings.row, 4U);
  EXPECT_TRUE(w.settings.has_base);
  EXPECT_EQ(w.settings.sparsifier, merge::Sparsifier::dare);
  EXPECT_EQ(w.settings.combiner, merge::Combiner::task_arithmetic);
  EXPECT_EQ(w.settings.seed, 7U);
  EXPECT_EQ(w.settings.lambda, 1);
  ASSERT_EQ(w.settings.models.size(), 2U);
  EXPECT_EQ(w.settings.models[0].weight, 2);
  EXPECT_EQ(w.settings.models[1].weight, 1);
  EXPECT_EQ(w.settings.models[1].stream, 1U);
  EXPECT_EQ(w.settings.models[1].rate, merge::Rate::from_drop(0.5));
  EXPECT_EQ(w.settings.models[1].rescale, merge::Rescale::expected);
  EXPECT_EQ(w.settings.models[1].elements, 12U);
  ASSERT_EQ(w.inputs.size(), 2U);
  EXPECT_EQ(w.inputs[1].model, 1);
  EXPECT_EQ(w.inputs[1].tensor, 2U);
  EXPECT_EQ(job.tasks[1].settings.row, 1U);
  EXPECT_EQ(job.tasks[1].settings.elements, 1U);
  EXPECT_EQ(job.tasks[2].settings.elements, 0U);
}

TEST(Resolve, FiltersAndGradientsByTensor) {
  const auto base = header("b", {{"model.embed.weight", Dtype::f32, {1}},
                                 {"model.layers.0.mlp.w", Dtype::f32, {1}},
                                 {"model.layers.1.mlp.w", Dtype::f32, {1}},
                                 {"model.layers.2.attn.w", Dtype::f32, {1}},
                                 {"model.norm.weight", Dtype::f32, {1}}});
  const auto job = job_of(k_head +
                              "models: [{model: m0, parameters: {drop_rate: [{filter: mlp, value: 0.9}], weight: [0, 1, 0.5]}}]\n"
                              "parameters: {density: 0.25, lambda: [{filter: attn, value: 3}, {value: [1, 2]}]}\n",
                          base, {base});
  std::vector<double> weights, lambdas;
  std::vector<merge::Rate> rates;
  for (const auto& task : job.tasks) {
    weights.push_back(task.settings.models[0].weight);
    lambdas.push_back(task.settings.lambda);
    rates.push_back(task.settings.models[0].rate);
  }
  EXPECT_THAT(weights, ElementsAre(0, 0, 1, 0.5, 0.5));
  EXPECT_THAT(lambdas, ElementsAre(1, 1, 1.5, 3, 2));
  const auto density = merge::Rate::from_density(0.25);
  const auto drop = merge::Rate::from_drop(0.9);
  EXPECT_THAT(rates, ElementsAre(density, drop, drop, density, density));
}

TEST(Resolve, ARateForEveryTensor) {
  const auto base = header("b", {{"mlp.w", Dtype::f32, {1}}, {"a", Dtype::f32, {1}}, {"c", Dtype::f32, {1}}});
  EXPECT_EQ(job_error(k_head + "models: [{model: m0, parameters: {drop_rate: {filter: mlp, value: 0.9}}}]\n", base, {base}),
            "2: r.yml: m0: no drop_rate or density matches \"a\", \"c\"; add a part without a filter");
}

TEST(Resolve, MissingTensors) {
  const auto base =
      header("b", {{"a", Dtype::f32, {2}}, {"c", Dtype::f32, {2}}, {"d", Dtype::f32, {2}}, {"e", Dtype::f32, {2}}, {"f", Dtype::f32, {2}}});
  const std::vector<checkpoint::Header> models{header("m0", {{"a", Dtype::f32, {2}}}), base};
  EXPECT_EQ(
      job_error(k_two, base, models),
      "3: m0: lacks the base's \"c\", \"d\", \"e\" and 1 more; give the whole model, exclude them, or set missing: base or missing: skip");

  const auto skip = job_of(k_two + "missing: skip\n", base, models);
  EXPECT_EQ(skip.tasks[0].inputs.size(), 2U);
  ASSERT_EQ(skip.tasks[1].inputs.size(), 1U);
  EXPECT_EQ(skip.tasks[1].inputs[0].model, 1);
  EXPECT_EQ(skip.tasks[1].settings.models[0].stream, 1U);
  EXPECT_THAT(skip.notes, ElementsAre("m0: lacks the base's \"c\", \"d\", \"e\" and 1 more; they are merged without it (missing: skip)"));

  const auto stand_in = job_of(k_two + "missing: base\n", base, models);
  ASSERT_EQ(stand_in.tasks[1].inputs.size(), 2U);
  EXPECT_EQ(stand_in.tasks[1].inputs[0].model, -1);
  EXPECT_EQ(stand_in.tasks[1].inputs[0].tensor, 1U);
  EXPECT_EQ(stand_in.tasks[1].settings.models[0].weight, 2);
  EXPECT_THAT(stand_in.notes,
              ElementsAre("m0: lacks the base's \"c\", \"d\", \"e\" and 1 more; the base stands in for it (missing: base)"));

  EXPECT_EQ(job_error(k_two + "exclude: '^[c-f]$'\n", base, models), "");
}

TEST(Resolve, SlicesHaveAllLayers) {
  const auto base = header("b", {{"h.0.w", Dtype::bf16, {4}}, {"h.1.w", Dtype::bf16, {4}}, {"norm", Dtype::bf16, {4}}});
  const auto yaml = [](const std::string& end) {
    return k_head + "parameters: {drop_rate: 0.5}\nslices: [{sources: [{model: m, layer_range: [0, " + end + "]}]}]\n";
  };
  EXPECT_EQ(job_of(yaml("2"), base, {base}).tasks.size(), 3U);
  EXPECT_EQ(job_error(yaml("1"), base, {}),
            "2: r.yml:4: layer_range: layers 0 to 1 of the 2 that b has; parts of models are not merged here: give [0, 2]");
  const auto longer = header("m", {{"h.0.w", Dtype::bf16, {4}}, {"h.1.w", Dtype::bf16, {4}}, {"h.2.w", Dtype::bf16, {4}}});
  EXPECT_EQ(job_error(yaml("2"), base, {longer}),
            "2: r.yml:4: layer_range: layers 0 to 2 of the 3 that m has; parts of models are not merged here: give [0, 3]");
}

TEST(Resolve, DroppingAllIsSaid) {
  const auto base = header("b", {{"w", Dtype::bf16, {4}}, {"v", Dtype::bf16, {4}}});
  const auto m = header("m0", {{"w", Dtype::bf16, {4}}, {"v", Dtype::bf16, {4}}});
  const auto yaml = k_head + "models: [{model: m0, parameters: {drop_rate: [{filter: w, value: 1}, {value: 0.5}]}}]\ncompat: none\n";
  EXPECT_THAT(job_of(yaml, base, {m}).notes, ElementsAre("m0: drop_rate 1: its whole delta is dropped, it adds nothing to \"w\""));
}

TEST(Resolve, ATensorThatNoModelHasIsTheBases) {
  const auto base = header("b", {{"a", Dtype::f32, {2}}, {"c", Dtype::f32, {2}}});
  const auto model = header("m0", {{"a", Dtype::f32, {2}}});
  const auto job = job_of(k_one + "missing: skip\n", base, {model});
  EXPECT_EQ(job.tasks[1].action, Action::copy);
  EXPECT_EQ(job_of(k_one + "missing: skip\ndtype: F16\n", base, {model}).tasks[1].action, Action::convert);
}

TEST(Resolve, ExcludedTensorsAreCopiedOrConverted) {
  const auto base = header("b", {{"lm_head.weight", Dtype::f32, {2}}, {"a", Dtype::f32, {2}}});
  const auto model = header("m0", {{"lm_head.weight", Dtype::i8, {9}}, {"a", Dtype::f32, {2}}});
  auto job = job_of(k_one + "exclude: ['^lm_head', 'never']\n", base, {model});
  EXPECT_EQ(job.tasks[0].action, Action::copy);
  EXPECT_TRUE(job.tasks[0].inputs.empty());
  EXPECT_THAT(job.notes, ElementsAre("r.yml: exclude matches no tensor: \"never\""));
  job = job_of(k_one + "exclude: ['^lm_head']\ndtype: bfloat16\noverflow: saturate\n", base, {model});
  EXPECT_EQ(job.tasks[0].action, Action::convert);
  EXPECT_EQ(job.tasks[0].settings.base_dtype, Dtype::f32);
  EXPECT_EQ(job.tasks[0].settings.out_dtype, Dtype::bf16);
  EXPECT_EQ(job.tasks[0].settings.overflow, merge::Overflow::saturate);
}

TEST(Resolve, IntegersAndBooleansMustBeEqualAndAreCopied) {
  const auto base = header("b", {{"ids", Dtype::i64, {3}}, {"mask", Dtype::boolean, {3}}, {"w", Dtype::f32, {1}}});
  const auto job = job_of(k_two + "dtype: bfloat16\n", base, {base, header("m1", {{"w", Dtype::f32, {1}}, {"ids", Dtype::i64, {3}}})});
  EXPECT_EQ(job.tasks[0].action, Action::copy);
  EXPECT_EQ(job.tasks[0].settings.out_dtype, Dtype::i64);
  ASSERT_EQ(job.tasks[0].inputs.size(), 2U);
  EXPECT_EQ(job.tasks[0].inputs[1].tensor, 1U);
  EXPECT_EQ(job.tasks[1].inputs.size(), 1U);
  EXPECT_THAT(job.notes, ElementsAre("m1: lacks the base's \"mask\"; such tensors are copied, so this changes nothing"));
  EXPECT_EQ(
      job_error(k_one, base, {header("m0", {{"ids", Dtype::i32, {3}}, {"mask", Dtype::boolean, {3}}, {"w", Dtype::f32, {1}}})}),
      "3: m0: tensor \"ids\": I32 [3], expected the base's I64 [3]: such tensors are copied, not merged; exclude the tensor to keep the "
      "base's");
}

TEST(Resolve, IntegerAgainstFloat) {
  const auto floats = header("b", {{"w", Dtype::bf16, {3}}});
  const auto integers = header("m0", {{"w", Dtype::i32, {3}}});
  EXPECT_EQ(
      job_error(k_one, floats, {integers}),
      "3: m0: tensor \"w\": I32 [3], expected the base's BF16 [3]; an integer is not merged with a float; exclude the tensor to keep the "
      "base's");
  EXPECT_EQ(
      job_error(k_one, integers, {floats}),
      "3: b: tensor \"w\": BF16 [3], expected the base's I32 [3]: such tensors are copied, not merged; exclude the tensor to keep the "
      "base's");
}

TEST(Resolve, OtherShapes) {
  const auto base = header("b", {{"w", Dtype::f32, {3, 4}}, {"s", Dtype::f32, {}}});
  EXPECT_EQ(
      job_error(k_one, base, {header("m0", {{"w", Dtype::f32, {3, 5}}, {"s", Dtype::f32, {1}}})}),
      "3: 2 problems found:\n"
      "  m0: tensor \"w\": F32 [3, 5], expected the base's F32 [3, 4]; the models are not of one architecture; exclude the tensor to keep "
      "the base's\n"
      "  m0: tensor \"s\": F32 [1], expected the base's F32 []; the models are not of one architecture; exclude the tensor to keep the "
      "base's");
}

TEST(Resolve, OtherRows) {
  const auto base = header("b", {{"embed", Dtype::f32, {5, 4}}});
  const std::vector<checkpoint::Header> models{header("m0", {{"embed", Dtype::f32, {7, 4}}}),
                                               header("m1", {{"embed", Dtype::f32, {3, 4}}})};
  EXPECT_EQ(
      job_error(k_two, base, models),
      "3: 2 problems found:\n"
      "  m0: tensor \"embed\": F32 [7, 4], expected the base's F32 [5, 4]; the rows differ: set rows: base or rows: extend, or exclude the "
      "tensor\n"
      "  m1: tensor \"embed\": F32 [3, 4], expected the base's F32 [5, 4]; the rows differ: set rows: base or rows: extend, or exclude the "
      "tensor");

  const auto kept = job_of(k_two + "rows: base\n", base, models);
  EXPECT_EQ(kept.tasks[0].shape, (Shape{5, 4}));
  EXPECT_EQ(kept.tasks[0].settings.elements, 20U);
  EXPECT_EQ(kept.tasks[0].settings.models[0].elements, 20U);
  EXPECT_EQ(kept.tasks[0].settings.models[1].elements, 12U);
  EXPECT_THAT(kept.notes, ElementsAre("m0: 7 rows beside the base's 5 (rows: base): \"embed\"",
                                      "m1: 3 rows beside the base's 5 (rows: base): \"embed\""));

  const auto longer = job_of(k_two + "rows: extend\n", base, models);
  EXPECT_EQ(longer.tasks[0].shape, (Shape{7, 4}));
  EXPECT_EQ(longer.tasks[0].settings.elements, 28U);
  EXPECT_EQ(longer.tasks[0].settings.base_elements, 20U);
  EXPECT_EQ(longer.tasks[0].settings.models[0].elements, 28U);
  EXPECT_EQ(longer.tasks[0].settings.models[1].elements, 12U);
  EXPECT_THAT(
      longer.notes,
      ElementsAre("m0: 7 rows beside the base's 5 (rows: extend): \"embed\"", "m1: 3 rows beside the base's 5 (rows: extend): \"embed\"",
                  "b: has 5 rows, the output 7; a vocab_size of 5 in its config.json becomes 7: \"embed\"",
                  "b: 2 added rows are deltas to 0, dropped and weighted like all others; in the recipe, a list such as "
                  "drop_rate: [{filter: NAME, value: 0}, {value: 0.9}] drops nothing of \"embed\""));
}

TEST(Resolve, SumsOfWeightsNearZero) {
  const auto base = header("b", {{"embed", Dtype::f32, {5, 4}}, {"w", Dtype::f32, {2}}});
  const std::string head = k_head + "models: [{model: m0, parameters: {weight: 1}}, {model: m1, parameters: {weight: -1}}]\n";
  EXPECT_EQ(job_error(head + "parameters: {drop_rate: 0.5, normalize: true}\n", base, {base, base}),
            "2: r.yml: weight: dare_linear divides by the sum of the weights, which is 0 for \"embed\", \"w\"; change the weights");
  EXPECT_EQ(job_error(head + "parameters: {drop_rate: 0.5}\n", base, {base, base}), "");
  EXPECT_EQ(job_error(head + "parameters: {drop_rate: 0.5, normalize: true}\ncompat: mergekit\n", base, {base, base}), "");
  // Rows that only some models have have sums of their own.
  const auto longer = header("m", {{"embed", Dtype::f32, {6, 4}}, {"w", Dtype::f32, {2}}});
  const std::string three = k_head +
                            "rows: extend\nparameters: {drop_rate: 0.5, normalize: true}\nmodels: [{model: m0, parameters: {weight: 1}}, "
                            "{model: m1, parameters: {weight: -1}}, {model: m2, parameters: {weight: 2}}]\n";
  EXPECT_EQ(job_error(three, base, {longer, longer, base}),
            "2: r.yml: weight: dare_linear divides by the sum of the weights, which is 0 for \"embed\"; change the weights");
  EXPECT_EQ(job_error(three, base, {longer, base, longer}), "");
}

TEST(Resolve, FloatTypesMayDiffer) {
  const auto base = header("b", {{"u", Dtype::bf16, {2}}, {"w", Dtype::bf16, {2}}});
  const auto job = job_of(k_one, base, {header("m0", {{"u", Dtype::f32, {2}}, {"w", Dtype::f32, {2}}})});
  EXPECT_EQ(job.tasks[0].settings.models[0].dtype, Dtype::f32);
  EXPECT_EQ(job.tasks[0].settings.out_dtype, Dtype::bf16);
  EXPECT_THAT(job.notes, ElementsAre("m0: F32 beside the base's BF16, widened exactly: \"u\", \"w\""));
  const auto narrow = job_of(k_one, header("b", {{"u", Dtype::f32, {2}}}), {header("m0", {{"u", Dtype::bf16, {2}}})});
  EXPECT_THAT(narrow.notes,
              ElementsAre("m0: BF16 beside the base's F32, widened exactly, so that its rounding is part of its delta: \"u\""));
}

TEST(Resolve, StochasticRoundingWhereItApplies) {
  const auto base = header("b", {{"u", Dtype::bf16, {2}}, {"w", Dtype::f32, {2}}});
  const auto job = job_of(k_one + "rounding: stochastic\ndtype: bfloat16\n", base, {base});
  EXPECT_EQ(job.tasks[0].settings.rounding, merge::Rounding::stochastic);
  EXPECT_EQ(job.tasks[1].settings.rounding, merge::Rounding::nearest);
  EXPECT_THAT(job.notes, ElementsAre("rounding: stochastic: is for 16-bit outputs of 16-bit inputs; rounded to nearest: \"w\""));
}

const std::vector<test::Tensor> k_head_and_embeddings{
    {"lm_head.weight", Dtype::f32, {4, 2}}, {"model.embed_tokens.weight", Dtype::f32, {4, 2}}, {"model.w", Dtype::f32, {2}}};

TEST(Resolve, AHeadThatNothingTiesIsMissing) {
  const auto base = header("b", k_head_and_embeddings);
  const auto model = header("m0", {{"model.embed_tokens.weight", Dtype::f32, {4, 2}}, {"model.w", Dtype::f32, {2}}});
  const std::string lacks =
      "3: m0: lacks the base's \"lm_head.weight\"; give the whole model, exclude them, or set missing: base or missing: skip";
  EXPECT_EQ(job_error(k_one, base, {model}), lacks);
  const auto job = job_of(k_one + "missing: base\n", base, {model});
  EXPECT_EQ(job.tasks[0].inputs[0].model, -1);
  for (const std::string no : {"{\"tie_word_embeddings\": false}", "{}", "{\"tie_word_embeddings\": \"true\"}"}) {
    auto configured = model;
    const test::Config config{no};
    config.beside(configured);
    EXPECT_EQ(job_error(k_one, base, {configured}), lacks) << no;
  }
}

TEST(Resolve, AHeadThatAConfigTies) {
  const test::Config config{"{\"tie_word_embeddings\": true}"};
  for (const bool of_model : {true, false}) {
    auto base = header("b", k_head_and_embeddings);
    auto model = header("m0", {{"model.embed_tokens.weight", Dtype::f32, {4, 2}}, {"model.w", Dtype::f32, {2}}});
    config.beside(of_model ? model : base);
    const auto job = job_of(k_one, base, {model});
    EXPECT_EQ(job.tasks[0].inputs[0].model, 0);
    EXPECT_EQ(job.tasks[0].inputs[0].tensor, 0U);
  }
}

TEST(Resolve, TiedWeightsThatTheBaseSavedTwiceHaveTwoMasks) {
  auto base = header("b", k_head_and_embeddings);
  const auto model = header("m0", k_head_and_embeddings);
  EXPECT_THAT(job_of(k_one, base, {model}).notes, IsEmpty());
  const test::Config config{"{\"tie_word_embeddings\": true}"};
  config.beside(base);
  EXPECT_THAT(job_of(k_one, base, {model}).notes,
              ElementsAre(AllOf(HasSubstr("both are saved: each has a mask of its own"), EndsWith("\"lm_head.weight\""))));
  EXPECT_THAT(job_of(k_one + "exclude: [embed_tokens]\n", base, {model}).notes, IsEmpty());
  EXPECT_THAT(job_of(k_one + "exclude: [lm_head]\n", base, {model}).notes, IsEmpty());
  for (const auto* const rate : {"0", "1"}) {
    const auto recipe = k_head + "models: [{model: m0, parameters: {rescale: none, drop_rate: " + rate + "}}]\n";
    EXPECT_THAT(job_of(recipe, base, {model}).notes, Each(Not(HasSubstr("mask")))) << rate;
  }
  const std::string without = "merge_method: task_arithmetic\nbase_model: b\nmodels: [{model: m0}]\n";
  EXPECT_THAT(job_of(without, base, {model}).notes, IsEmpty());
}

// As torch.save() leaves them; other formats have no two tensors at one place.
TEST(Resolve, TiedWeightsAtOnePlaceOfAPyTorchFile) {
  auto base = header("b", {{"shared.weight", Dtype::f32, {4, 2}}, {"encoder.embed_tokens.weight", Dtype::f32, {4, 2}}});
  const auto model = base;
  base.tensors[1].offset = base.tensors[0].offset;
  EXPECT_THAT(job_of(k_one, base, {model}).notes, IsEmpty());
  base.format = checkpoint::Format::pytorch;
  EXPECT_THAT(job_of(k_one, base, {model}).notes,
              ElementsAre(AllOf(StartsWith("b: its \"shared.weight\" is tied"), EndsWith(": \"encoder.embed_tokens.weight\""))));
  base.tensors[1].offset = base.tensors[0].offset + base.tensors[0].bytes;
  EXPECT_THAT(job_of(k_one, base, {model}).notes, IsEmpty());
}

// A base that saved the head alone says that it is tied.
TEST(Resolve, TiedWeightsUnderTheOthersName) {
  const auto base = header("b", {{"lm_head.weight", Dtype::f32, {4, 2}}});
  const auto job = job_of(k_one, base, {header("m0", {{"model.embed_tokens.weight", Dtype::f32, {4, 2}}})});
  EXPECT_EQ(job.tasks[0].inputs[0].model, 0);
}

TEST(Resolve, PatternsThatMatchNothing) {
  const auto base = header("b", {{"w", Dtype::f32, {1}}});
  const auto job = job_of(k_head +
                              "models: [{model: m0, parameters: {drop_rate: [{filter: mpl, value: 0.9}, {value: 0.5}]}}]\n"
                              "exclude: [\"^lm_haed\", w]\ncompat: none\n",
                          base, {base});
  EXPECT_THAT(job.notes, ElementsAre("r.yml: exclude matches no tensor: \"^lm_haed\"", "r.yml: a filter matches no tensor: \"mpl\"",
                                     "r.yml: exclude matches every tensor that would be merged: the output has the weights of b alone"));
}

TEST(Resolve, RenamedTiedAndExtraTensors) {
  auto base = header("b", k_head_and_embeddings);
  const test::Config config{"{\"tie_word_embeddings\": true}"};
  config.beside(base);
  const auto model = header("m0", {{"module.model.embed_tokens.weight", Dtype::f32, {4, 2}},
                                   {"module.model.w", Dtype::f32, {2}},
                                   {"module.optimizer", Dtype::f32, {2}}});
  const auto job = job_of(k_one, base, {model});
  EXPECT_EQ(job.tasks[0].inputs[0].tensor, 0U);
  EXPECT_EQ(job.tasks[0].settings.name, "lm_head.weight");
  EXPECT_EQ(job.tasks[2].inputs[0].tensor, 1U);
  EXPECT_THAT(job.notes,
              ElementsAre("m0: saved tied weights once: its \"module.model.embed_tokens.weight\" is taken for \"lm_head.weight\"",
                          HasSubstr("both are saved"),
                          "m0: names begin with \"module.\" instead of \"\"; matched: \"model.embed_tokens.weight\", \"model.w\"",
                          "m0: not in the base, left out: \"module.optimizer\""));
}

TEST(Resolve, AHeadThatTheBaseTies) {
  const auto base = header("b", {{"model.embed_tokens.weight", Dtype::f32, {4, 2}}});
  const auto model = header("m0", {{"lm_head.weight", Dtype::f32, {4, 2}}, {"model.embed_tokens.weight", Dtype::f32, {4, 2}}});
  EXPECT_THAT(job_of(k_one, base, {model}).notes,
              ElementsAre("m0: the base ties it to other weights and does not save it; left out: \"lm_head.weight\""));
}

// Names of another family's embeddings say nothing of a base that has both a head and embeddings of its own.
TEST(Resolve, EmbeddingsOfAnotherFamilyAreNotTied) {
  const auto model = header("m0", {{"wte.weight", Dtype::f32, {6, 2}}, {"model.w", Dtype::f32, {2}}});
  EXPECT_THAT(
      job_of(k_one + "missing: skip\n", header("b", k_head_and_embeddings), {model}).notes,
      ElementsAre("m0: lacks the base's \"lm_head.weight\", \"model.embed_tokens.weight\"; they are merged without it (missing: skip)",
                  "m0: not in the base, left out: \"wte.weight\""));
}

TEST(Resolve, AModelThatSharesNothing) {
  const auto base = header("llama", {{"model.norm", Dtype::f32, {2}}, {"lm_head.weight", Dtype::f32, {4, 2}}});
  const auto model = header("gpt2", {{"ln_f.bias", Dtype::f32, {2}}, {"wte.weight", Dtype::f32, {6, 2}}});
  const std::string refusal = "3: gpt2: no tensor of the base llama is in it: another architecture or another base";
  for (const std::string missing : {"error", "base", "skip"}) {
    EXPECT_EQ(job_error(k_one + "missing: " + missing + "\n", base, {model}), refusal) << missing;
    EXPECT_EQ(job_error(k_two + "missing: " + missing + "\n", base, {base, model}), refusal) << missing;
    EXPECT_EQ(job_error(k_one + "exclude: norm\nmissing: " + missing + "\n", base, {header("m0", {{"model.norm", Dtype::f32, {2}}})}),
              "3: m0: of the base llama it has only tensors that are copied, none to merge; leave it out")
        << missing;
  }
  EXPECT_EQ(job_error("merge_method: linear\nmodels: [{model: m0}, {model: m1}]\nmissing: skip\n", base, {base, model}),
            "3: gpt2: no tensor of the first model llama is in it: another architecture or another base");
  EXPECT_EQ(job_error(k_one + "exclude: .\n", base, {model}), "");
}

TEST(Resolve, RowsAreOfMatrices) {
  const auto base = header("b", {{"model.norm.weight", Dtype::f32, {64}}, {"v", Dtype::f32, {1}}});
  const auto model = header("m0", {{"model.norm.weight", Dtype::f32, {63}}, {"v", Dtype::f32, {1}}});
  EXPECT_EQ(job_error(k_one, base, {model}),
            "3: m0: tensor \"model.norm.weight\": F32 [63], expected the base's F32 [64]; the models are not of one architecture; exclude "
            "the tensor to keep the base's");
  EXPECT_EQ(job_error(k_one + "rows: base\n", base, {model}), "");  // a bias of a vocabulary's output
}

TEST(Resolve, MergelmEntersOneStream) {
  const auto base = header("b", {{"a", Dtype::f32, {3}}, {"c", Dtype::f32, {5}}, {"ids", Dtype::i64, {2}}});
  const std::string order = "tensor_order: [c, ids, a]\n";
  const auto job =
      job_of(k_two.substr(0, k_two.find("models")) + "models: [{model: m0}, {model: m1}]\ncompat: mergelm\n" + order, base, {base, base});
  EXPECT_EQ(job.tasks[1].settings.models[0].first_draw, 0U);
  EXPECT_EQ(job.tasks[0].settings.models[0].first_draw, 5U);
  EXPECT_EQ(job.tasks[1].settings.models[1].first_draw, 8U);
  EXPECT_EQ(job.tasks[0].settings.models[1].first_draw, 13U);
  EXPECT_EQ(job_error(k_one + "compat: mergelm\ntensor_order: [c, x]\n", base, {base}),
            "2: 2 problems found:\n"
            "  r.yml: tensor_order: the base has no tensor \"x\"; list the base's names\n"
            "  r.yml: tensor_order: does not name \"a\"; it must name every merged tensor");
  const auto half = header("m0", {{"a", Dtype::f16, {3}}, {"c", Dtype::f32, {5}}, {"ids", Dtype::i64, {2}}});
  EXPECT_EQ(
      job_error(k_one + "compat: mergelm\n", base, {half}),
      "3: m0: compat: mergelm merges F32 alone, found F16 in \"a\"; convert the checkpoint (dare-convert --dtype F32), or leave compat "
      "out");
}

}  // namespace
}  // namespace dare::recipe
