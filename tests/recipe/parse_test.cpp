#include "recipe/support.hpp"

#include <dare/core/archive.hpp>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace dare::recipe {
namespace {

using test::parse_error;
using test::parsed;
using test::with;
using testing::ElementsAre;

TEST(Parse, ReadsAWholeRecipe) {
  const auto recipe = parsed(R"(
merge_method: dare_linear
base_model: base/
models:
  - {model: math/, parameters: {weight: 0.5, density: 0.1}}
  - model: /abs/code
    stream: 18446744073709551614
    parameters: {weight: -0.5, drop_rate: [{filter: mlp, value: [0.1, 0.9]}, {value: 0.5}]}
parameters: {lambda: 1.5, rescale: none, normalize: yes}
seed: 18446744073709551615
dtype: bfloat16
out_dtype: F32
exclude: ["^lm_head", norm]
missing: skip
rows: extend
nonfinite: keep
overflow: saturate
rounding: stochastic
tokenizer_source: base
)",
                             {});
  EXPECT_EQ(recipe.method, "dare_linear");
  EXPECT_EQ(recipe.base->written, "base/");
  EXPECT_EQ(recipe.base->path, "folder/base/");
  ASSERT_EQ(recipe.models.size(), 2U);
  EXPECT_EQ(recipe.models[0].path, "folder/math/");
  EXPECT_EQ(recipe.models[0].stream, 0U);
  EXPECT_EQ(recipe.models[0].parameters.weight, Setting::constant(0.5));
  EXPECT_EQ(recipe.models[0].parameters.density, Setting::constant(0.1));
  EXPECT_FALSE(recipe.models[0].parameters.drop_rate);
  EXPECT_EQ(recipe.models[1].path, "/abs/code");
  EXPECT_EQ(recipe.models[1].stream, 18446744073709551614U);
  EXPECT_EQ(recipe.models[1].parameters.drop_rate, (Setting{{{"mlp", {0.1, 0.9}}, {"", {0.5}}}}));
  EXPECT_EQ(recipe.method_parameters.lambda, Setting::constant(1.5));
  EXPECT_EQ(recipe.method_parameters.normalize, true);
  EXPECT_EQ(recipe.parameters.rescale, merge::Rescale::none);
  EXPECT_EQ(recipe.seed, 18446744073709551615U);
  EXPECT_EQ(recipe.output_dtype(), Dtype::f32);
  EXPECT_THAT(recipe.exclude, ElementsAre("^lm_head", "norm"));
  EXPECT_EQ(recipe.missing, Missing::skip);
  EXPECT_EQ(recipe.rows, Rows::extend);
  EXPECT_EQ(recipe.nonfinite, merge::Nonfinite::keep);
  EXPECT_EQ(recipe.overflow, merge::Overflow::saturate);
  EXPECT_EQ(recipe.rounding, merge::Rounding::stochastic);
}

TEST(Parse, BooleansMayStandInQuotesAsNumbersMay) {
  EXPECT_EQ(parsed(with("parameters: {normalize: \"true\"}\n")).method_parameters.normalize, true);
  EXPECT_EQ(parsed(with("parameters: {normalize: 'no'}\n")).method_parameters.normalize, false);
}

TEST(Parse, OfAShortWordTwoLettersMakeAnother) {
  EXPECT_THAT(parse_error(with("parameters: {foo: 1}")), testing::HasSubstr("unknown key \"foo\" in parameters; known here: weight, "));
  EXPECT_THAT(parse_error(with("parameters: {tlo: 1}")), testing::EndsWith("unknown key \"tlo\" in parameters; did you mean tol?"));
}

TEST(Parse, SurvivesTheArchive) {
  const auto recipe = parsed(with("parameters: {lambda: [1, 2]}\nexclude: x\nseed: 7\ndtype: half\n"));
  OutArchive out;
  out(recipe);
  Recipe copy;
  InArchive{out.bytes()}(copy);
  OutArchive again;
  again(copy);
  EXPECT_EQ(out.bytes(), again.bytes());
  EXPECT_EQ(copy.dtype, Dtype::f16);
}

TEST(Parse, NumbersAsYamlAndMergekitWriteThem) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, double>>{
           {"1", 1}, {".5", .5}, {"5.", 5}, {"1e-3", 1e-3}, {"+2", 2}, {"-1.5E2", -150}, {"\"0.25\"", .25}}) {
    EXPECT_EQ(parsed(with("parameters: {lambda: " + text + "}")).method_parameters.lambda, Setting::constant(value)) << text;
  }
  for (const std::string text : {"abc", "'1,5'", "0x10", "1_000", "1e999", "inf", "nan", "++1", "+-1", "1 2", "true", "'1 '"}) {
    const auto shown = text[0] == '\'' ? text.substr(1, text.size() - 2) : text;
    EXPECT_EQ(parse_error(with("parameters: {lambda: " + text + "}")), "2: r.yml:4: lambda: expected a number, found \"" + shown + "\"");
  }
  EXPECT_EQ(parse_error(with("parameters: {lambda: }")), "2: r.yml:4: lambda: expected a number, found nothing");
  EXPECT_EQ(parse_error(with("parameters: {lambda: .inf}")), "2: r.yml:4: lambda: .inf is outside the finite numbers");
  EXPECT_EQ(parse_error(with("parameters: {lambda: .nan}")), "2: r.yml:4: lambda: .nan is outside the finite numbers");
}

TEST(Parse, SettingsOfAllForms) {
  const auto lambda = [](const std::string& text) { return parsed(with("parameters: {lambda: " + text + "}")).method_parameters.lambda; };
  EXPECT_EQ(lambda("[0, 0.5, 1]"), (Setting{{{"", {0, 0.5, 1}}}}));
  EXPECT_EQ(lambda("{filter: mlp, value: 2}"), (Setting{{{"mlp", {2}}}}));
  EXPECT_EQ(lambda("[{filter: mlp, value: [1, 2]}, {filter: '*', value: 3}]"), (Setting{{{"mlp", {1, 2}}, {"", {3}}}}));
  EXPECT_EQ(lambda("[{filter: ~, value: 3}]"), (Setting{{{"", {3}}}}));
  EXPECT_EQ(parse_error(with("parameters: {lambda: []}")), "2: r.yml:4: lambda: the list is empty; expected at least one number");
  EXPECT_EQ(parse_error(with("parameters: {lambda: [{filter: a}]}")), "2: r.yml:4: lambda: has no value beside its filter");
  EXPECT_EQ(parse_error(with("parameters: {lambda: [{filter: a, valeu: 1, value: 1}]}")),
            "2: r.yml:4: unknown key \"valeu\" in lambda; did you mean value?");
  EXPECT_EQ(parse_error(with("random_seed: 42")),
            "2: r.yml:4: random_seed: did you mean seed? mergekit takes it as an option, --random-seed");
  EXPECT_EQ(parse_error(with("parameters: {lambda: [{filter: a, value: 1}, 2]}")), "2: r.yml:4: lambda: expected a mapping, found \"2\"");
  EXPECT_EQ(parse_error(with("parameters: {lambda: [[1, 2], 3]}")), "2: r.yml:4: lambda: expected a number, found a list");
}

TEST(Parse, RatesAreSharesOfOne) {
  const auto rate = [](const std::string& text) {
    return parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- model: m\n  parameters:\n    " + text + "\n");
  };
  EXPECT_EQ(rate("drop_rate: 0"), "");
  EXPECT_EQ(rate("drop_rate: 1"), "");
  EXPECT_EQ(rate("density: 0"), "");
  EXPECT_EQ(rate("drop_rate: 1.0000001"), "2: r.yml:6: drop_rate: 1.0000001 is outside [0, 1]");
  EXPECT_EQ(rate("drop_rate: 90"), "2: r.yml:6: drop_rate: 90 is outside [0, 1]: a share is meant, no percentage; write 0.9 for 90 %");
  EXPECT_EQ(rate("drop_rate: 99.9"),
            "2: r.yml:6: drop_rate: 99.9 is outside [0, 1]: a share is meant, no percentage; write 0.999 for 99.9 %");
  EXPECT_EQ(rate("drop_rate: 101"), "2: r.yml:6: drop_rate: 101 is outside [0, 1]");
  EXPECT_EQ(rate("drop_rate: 90%"), "2: r.yml:6: drop_rate: expected a number such as 0.9 for 90 %, found \"90%\"");
  EXPECT_EQ(rate("density: -0.5"), "2: r.yml:6: density: -0.5 is outside [0, 1]");
  EXPECT_EQ(rate("drop_rate: .nan"), "2: r.yml:6: drop_rate: .nan is outside [0, 1]");
  EXPECT_EQ(rate("drop_rate: [0.5, 2]"), "2: r.yml:6: drop_rate: 2 is outside [0, 1]");
  EXPECT_EQ(rate("density: 0.5\n    drop_rate: 0.5"),
            "2: r.yml:7: drop_rate is given beside density of line 6; density is 1 - drop_rate, give one");
}

TEST(Parse, AMethodThatDropsNeedsARate) {
  const std::string head = "merge_method: dare_linear\nbase_model: b\nmodels:\n- model: m0\n- {model: m1, parameters: {density: 1}}\n";
  EXPECT_EQ(parse_error(head), "2: r.yml:4: m0: dare_linear needs a drop_rate or a density");
  EXPECT_EQ(parse_error(head + "parameters: {drop_rate: 0.5}"), "");
  EXPECT_EQ(parse_error(head + "compat: mergekit"), "");
}

TEST(Parse, AMethodThatDropsNothingTakesNoRate) {
  const auto rate = [](const std::string& text) {
    return parse_error("merge_method: task_arithmetic\nbase_model: b\nmodels:\n- model: m\n  parameters: {" + text + "}\n");
  };
  EXPECT_EQ(rate("weight: 1"), "");
  EXPECT_EQ(rate("drop_rate: 0"), "");
  EXPECT_EQ(rate("density: [{filter: a, value: 1}]"), "");
  EXPECT_EQ(rate("drop_rate: 0.5"), "2: r.yml:5: task_arithmetic drops nothing: drop_rate can only be 0; choose a method that drops");
  EXPECT_EQ(rate("density: [1, 0.5]"), "2: r.yml:5: task_arithmetic drops nothing: density can only be 1; choose a method that drops");
}

TEST(Parse, ParametersThatTheMethodHasNotAreRefused) {
  EXPECT_EQ(parse_error(with("parameters: {gamma: 0.1, sign: weighted}")),
            "2: 2 problems found:\n"
            "  r.yml:4: dare_linear has no gamma; it takes: weight, lambda, normalize\n"
            "  r.yml:4: dare_linear has no sign; it takes: weight, lambda, normalize");
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- model: m\n  parameters: {drop_rate: 0.5,\n    epsilon: 0.1}"),
            "2: r.yml:6: dare_linear has no epsilon; it takes: weight, lambda, normalize");
  EXPECT_EQ(parse_error(with("parameters: {max_iter: 0}")), "2: r.yml:4: max_iter: 0 is outside [1, 1000000]");
  EXPECT_EQ(parse_error(with("parameters: {tol: -1}")), "2: r.yml:4: tol: -1 is outside the finite numbers from 0");
}

TEST(Parse, OneValueForAllModelsStandsAtTheTop) {
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- {model: m, parameters: {drop_rate: 0, lambda: 1}}"),
            "2: r.yml:4: lambda is one value for all models; move it to the recipe's own parameters");
}

TEST(Parse, UnknownKeysWithTheirLines) {
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodel:\n- model: m\nfoo: 1\n"),
            "2: 2 problems found:\n"
            "  r.yml:3: unknown key \"model\" in a recipe; did you mean models?\n"
            "  r.yml:5: unknown key \"foo\" in a recipe; known here: merge_method, base_model, models, parameters, seed, dtype, out_dtype, "
            "exclude, missing, rows, nonfinite, overflow, rounding, compat, tensor_order, tokenizer_source, tokenizer, chat_template");
  EXPECT_EQ(parse_error(with("parameters: {wieght: 1}")), "2: r.yml:4: unknown key \"wieght\" in parameters; did you mean weight?");
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- {model: m, weights: 1}"),
            "2: r.yml:4: unknown key \"weights\" in an entry of models; known here: model, parameters, stream, fisher, gram");
}

TEST(Parse, ParametersAtAWrongLevel) {
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nnormalize: true\nt: 1\nmodels:\n- {model: m, weight: 1, density: 0.5}"),
            "2: 4 problems found:\n"
            "  r.yml:3: \"normalize\" in a recipe: belongs under parameters:, as parameters: {normalize: ...}\n"
            "  r.yml:4: \"t\" in a recipe: belongs under parameters:, as parameters: {t: ...}\n"
            "  r.yml:6: \"weight\" in an entry of models: belongs under parameters:, as parameters: {weight: ...}\n"
            "  r.yml:6: \"density\" in an entry of models: belongs under parameters:, as parameters: {density: ...}");
  EXPECT_EQ(parse_error(with("parameters: {dtype: float32}")), "2: r.yml:4: dtype is no parameter; it belongs at the recipe's top level");
}

TEST(Parse, KeysGivenTwice) {
  EXPECT_EQ(parse_error(with("seed: 1\nseed: 1")), "2: r.yml:5: \"seed\" is given twice, first in line 4");
  EXPECT_EQ(parse_error(with("parameters:\n  lambda: 1\n  lambda: 1")), "2: r.yml:6: \"lambda\" is given twice, first in line 5");
}

TEST(Parse, SeedsAndStreamsAreWholeNumbers) {
  for (const std::string text : {"-1", "1.0", "18446744073709551616", "0x1", "a"}) {
    EXPECT_EQ(parse_error(with("seed: " + text)),
              "2: r.yml:4: seed: expected a whole number from 0 to 18446744073709551615, found \"" + text + "\"");
  }
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- model: m\n  stream: -3"),
            "2: r.yml:5: stream: expected a whole number from 0 to 18446744073709551615, found \"-3\"");
}

TEST(Parse, WordsOfPolicies) {
  EXPECT_EQ(parse_error(with("missing: ignore\nrows: cut\nnonfinite: no\noverflow: x\nrounding: up\ncompat: peft")),
            "2: 6 problems found:\n"
            "  r.yml:9: compat: expected none, mergelm or mergekit, found \"peft\"\n"
            "  r.yml:4: missing: expected error, base or skip, found \"ignore\"\n"
            "  r.yml:5: rows: expected error, base or extend, found \"cut\"\n"
            "  r.yml:6: nonfinite: expected error or keep, found \"no\"\n"
            "  r.yml:7: overflow: expected error or saturate, found \"x\"\n"
            "  r.yml:8: rounding: expected nearest or stochastic, found \"up\"");
  EXPECT_EQ(parse_error(with("parameters: {rescale: l2}")), "2: r.yml:4: rescale: expected none, expected or l1, found \"l2\"");
  EXPECT_EQ(parse_error(with("parameters: {normalize: 1}")), "2: r.yml:4: normalize: expected true or false, found \"1\"");
  EXPECT_EQ(parse_error(with("dtype: int8")),
            "2: r.yml:4: dtype: expected a float type such as bfloat16, float16 or float32, found \"int8\"");
}

TEST(Parse, Int8MaskHasNoEffectAndIsSaid) {
  EXPECT_THAT(parsed(with("compat: none\nparameters: {int8_mask: false}")).notes, ElementsAre());
  EXPECT_THAT(parsed(with("compat: none\nparameters: {int8_mask: true}")).notes,
              ElementsAre("r.yml:5: int8_mask has no effect: masks are not stored here"));
}

// mergekit's own example of slerp has this form.
TEST(Parse, OneSliceOfAllLayersIsAListOfModels) {
  const auto slices = [](const std::string& sources) {
    return "merge_method: slerp\nbase_model: b\nparameters: {t: 0.5}\nslices:\n- sources:\n" + sources;
  };
  const auto recipe = parsed(slices("  - {model: b, layer_range: [0, 32]}\n  - {model: m, layer_range: [0, 32]}\n"));
  ASSERT_EQ(recipe.models.size(), 1U);
  EXPECT_EQ(recipe.models[0].written, "m");
  EXPECT_EQ(recipe.models[0].stream, 1U);
  EXPECT_EQ(recipe.layers, 32U);
  const std::string one =
      ": slices: one slice with all layers of all models is read, layers are not stacked here; list whole models under models";
  EXPECT_EQ(parse_error(slices("  - {model: b, layer_range: [0, 32]}\n  - {model: m, layer_range: [8, 32]}\n")), "2: r.yml:7" + one);
  EXPECT_EQ(parse_error(slices("  - {model: b, layer_range: [0, 32]}\n  - {model: m, layer_range: [0, 16]}\n")), "2: r.yml:7" + one);
  EXPECT_EQ(parse_error(slices("  - {model: b, layer_range: [0, 2]}\n- sources:\n  - {model: m, layer_range: [2, 4]}\n")),
            "2: r.yml:5" + one);
  EXPECT_EQ(parse_error(slices("  - {model: m, layer_range: [0, all]}\n")),
            "2: r.yml:6: layer_range: expected a whole number from 0 to 18446744073709551615, found \"all\"");
  EXPECT_EQ(parse_error(slices("  - {model: m, layer_range: [0, 2]}\n  parameters: {t: 1}\n")),
            "2: r.yml:7: a slice's parameters: there is but one slice; move them to the recipe's own parameters");
  EXPECT_EQ(parse_error(slices("  - {model: m, layer_range: [0, 2]}\nmodels: [{model: m}]\n")),
            "2: r.yml:4: slices is given beside models; give one of them");
  EXPECT_EQ(parse_error("merge_method: slerp\nslices: [{source: []}]"),
            "2: 2 problems found:\n"
            "  r.yml:2: unknown key \"source\" in a slice; did you mean sources?\n"
            "  r.yml:2: a slice has no sources");
}

TEST(Parse, FeaturesOfMergekitThatAreNotHere) {
  EXPECT_EQ(
      parse_error("slices: []\nmerge_method: ties\nchat_template: chatml\nname: x\nexperts: []\ntokenizer: {source: union}\nmodules: {}\n"
                  "tokenizer_source: union\n"),
      "2: 7 problems found:\n"
      "  r.yml:1: slices: one slice with all layers of all models is read, layers are not stacked here; list whole models under models\n"
      "  r.yml:3: chat_template: templates are not written here, the base's is copied: leave it out, and put another one into the output's "
      "tokenizer_config.json or chat_template.jinja\n"
      "  r.yml:4: name: recipes of several merges are not supported; write one recipe for each\n"
      "  r.yml:5: experts: mixtures of experts are not built here\n"
      "  r.yml:6: tokenizer.source: only base is supported: tokenizers are not merged, the base's is copied: write base, and rows: base or "
      "extend where vocabularies differ\n"
      "  r.yml:7: modules: merging modules of an architecture apart is not supported; list whole models under models\n"
      "  r.yml:8: tokenizer_source: only base is supported: tokenizers are not merged, the base's is copied: write base, and rows: base or "
      "extend where vocabularies differ");
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- {model: {path: m}, layer_range: [0, 1]}"),
            "2: 2 problems found:\n"
            "  r.yml:4: model: expected a path, found a mapping; revisions and adapters of mergekit's form are not supported\n"
            "  r.yml:4: layer_range: models are merged whole; leave it out");
}

TEST(Parse, FilesOfTheBaseByMergekitsNames) {
  for (const auto* const line : {"tokenizer: {source: base}", "tokenizer: {source: b, tokens: {}}", "tokenizer: {source: b/}",
                                 "tokenizer:", "tokenizer_source: b", "tokenizer_source: ~", "chat_template: ~"})
    EXPECT_THAT(parsed(with(line + std::string{"\ncompat: none"})).notes, ElementsAre()) << line;
  EXPECT_THAT(parsed(with("chat_template: auto\ncompat: none")).notes,
              ElementsAre("r.yml:4: chat_template: auto: the base's is copied, whatever most models have"));
  EXPECT_EQ(parse_error(with("tokenizer: {tokens: {x: {source: m}}, pad_to_multiple_of: 8}")),
            "2: 3 problems found:\n"
            "  r.yml:4: tokenizer.tokens: embeddings are not changed token by token here; leave it out\n"
            "  r.yml:4: tokenizer.pad_to_multiple_of: embeddings are not changed token by token here; leave it out\n"
            "  r.yml:4: tokenizer has no source, which to mergekit means union: tokenizers are not merged here; write source: base");
  EXPECT_EQ(parse_error(with("tokenizer: base")), "2: r.yml:4: tokenizer: expected a mapping, found \"base\"");
  EXPECT_EQ(parse_error(with("tokenizer: {sauce: base, source: base}")),
            "2: r.yml:4: unknown key \"sauce\" in tokenizer; did you mean source?");
}

TEST(Parse, MethodsOfMergekitThatAreNotHere) {
  EXPECT_EQ(parse_error("merge_method: nuslerp\nmodels: [{model: m}, {model: n}]"),
            "2: r.yml:1: merge_method \"nuslerp\" of mergekit is not here; without a base_model, slerp is near it: the first model as "
            "base_model, the second under models, t its share of the weights; nothing here does what it does with a base_model");
  EXPECT_EQ(parse_error("merge_method: ram\nmodels: [{model: m}, {model: n}]"),
            "2: r.yml:1: merge_method \"ram\" of mergekit is not here; nothing here comes near it");
}

TEST(Parse, WhatEveryRecipeNeeds) {
  EXPECT_EQ(
      parse_error("seed: 1"),
      "2: 2 problems found:\n"
      "  r.yml: merge_method is missing; known are " +
          [] {
            std::string all;
            for (const auto& method : merge::methods()) all += (all.empty() ? "" : ", ") + std::string{method.name};
            return all;
          }() +
          "\n  r.yml: no model is given; list them under models, or with --model");
  EXPECT_EQ(parse_error("merge_method: dare_linear\nmodels: [{model: m, parameters: {drop_rate: 0}}]"),
            "2: r.yml:1: dare_linear needs a base; give base_model, or --base");
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels: []"),
            "2: r.yml:3: no model is given; list them under models, or with --model");
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels: [{stream: 1}, 5]"),
            "2: 2 problems found:\n"
            "  r.yml:3: an entry of models has no model\n"
            "  r.yml:3: an entry of models is a mapping; write {model: 5}");
}

TEST(Parse, TheBaseAmongTheModelsIsLeftOut) {
  const auto recipe = parsed(
      "merge_method: dare_linear\nbase_model: b/\nmodels:\n- model: ./b\n- {model: m1, parameters: {drop_rate: 0.5}}\n"
      "- {model: m2, parameters: {drop_rate: 0.5}}\ncompat: none\n");
  ASSERT_EQ(recipe.models.size(), 2U);
  EXPECT_EQ(recipe.models[0].written, "m1");
  EXPECT_EQ(recipe.models[0].stream, 1U);
  EXPECT_EQ(recipe.models[1].stream, 2U);
  EXPECT_THAT(recipe.notes,
              ElementsAre("r.yml:4: ./b is the base itself: its delta is 0, it is left out; the other models keep their streams"));
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels: [{model: b}]"),
            "2: r.yml:3: dare_linear takes at least 1 model beside the base, found 0: what is given is the base itself");
}

TEST(Parse, SharedStreamsAreSaid) {
  const auto recipe = parsed(
      "merge_method: dare_linear\nbase_model: b\nparameters: {drop_rate: 0.5, rescale: expected}\nmodels: [{model: m0, stream: 1}, {model: "
      "m1}]");
  EXPECT_THAT(recipe.notes, ElementsAre("m0 and m1 both have stream 1: where their drop rates are equal they drop the same elements"));
}

TEST(Parse, StochasticRoundingOwnsAStream) {
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nrounding: stochastic\nmodels:\n- model: m\n"
                        "  stream: 18446744073709551615\n  parameters: {drop_rate: 0.5}"),
            "2: r.yml:6: stream 18446744073709551615 is that of stochastic rounding; choose another");
}

TEST(Parse, RegularExpressionsAreChecked) {
  const auto error = parse_error(with("exclude: [ok, '(']"));
  EXPECT_THAT(error, testing::StartsWith("2: r.yml:4: exclude: \"(\" is no regular expression (ECMAScript): "));
  EXPECT_EQ(parse_error(with("exclude: " + std::string(1001, '('))),
            "2: r.yml:4: exclude: a regular expression of 1001 bytes, at most 1000 are taken");
}

TEST(Parse, FisherAndGramOnlyWhereAMethodUsesThem) {
  EXPECT_EQ(parse_error("merge_method: dare_linear\nbase_model: b\nmodels:\n- model: m\n  fisher: f\n  parameters: {drop_rate: 0}"),
            "2: r.yml:5: dare_linear uses no fisher");
}

TEST(Parse, AFileThatIsNotThere) {
  EXPECT_EQ(test::error_of([] { (void)load("/nowhere/r.yml", {}); }),
            "2: /nowhere/r.yml: cannot open for reading: No such file or directory");
}

TEST(Parse, WhatIsEasilyWrittenInstead) {
  EXPECT_EQ(parse_error("merge_method: dare_liner\nbase_model: b\nmodels: [{model: m}]"),
            "2: r.yml:1: merge_method \"dare_liner\" is not known; did you mean dare_linear?");
  EXPECT_EQ(parse_error("merge_method: linear\nmodels: [math]"), "2: r.yml:2: an entry of models is a mapping; write {model: math}");
  EXPECT_EQ(parse_error("merge_method: linear\nmodels: [{model: ~/math}]"),
            "2: r.yml:2: model: ~ is not expanded in a recipe, found \"~/math\"; write the folder's whole path");
}

TEST(Load, AFolderIsNoRecipe) {
  const auto folder = testing::TempDir();
  EXPECT_EQ(test::error_of([&] { (void)load(folder, {}); }), "2: " + folder + ": a folder, expected a recipe; give the file in it");
}

TEST(Load, APipeIsRead) {
  const auto path = testing::TempDir() + "recipe-" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::thread writer{[&] { std::ofstream{path} << test::with("seed: 5\n"); }};
  const auto recipe = load(path, {});
  EXPECT_EQ(recipe.seed, 5U);
  EXPECT_EQ(recipe.models[0].path, "m");  // relative to where the program runs
  writer.join();
  std::filesystem::remove(path);
}

TEST(Parse, WhatIsNoRecipe) {
  EXPECT_EQ(parse_error(R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "dtype": "bfloat16"})"),
            "2: r.yml: no recipe: neither merge_method nor models is in it");
  EXPECT_EQ(parse_error("recipe: base.yml\ngrid: {seed: [1, 2]}\n"),
            "2: r.yml: this is a sweep's specification, no recipe; run dare-sweep");
  EXPECT_EQ(parse_error("recipe: base.yml\npoints: {a: {seed: 1}}\n"),
            "2: r.yml: this is a sweep's specification, no recipe; run dare-sweep");
  Overrides overrides;
  overrides.method = "linear";
  EXPECT_THAT(parse_error("sed: 1\n", overrides), testing::HasSubstr("unknown key \"sed\" in a recipe; did you mean seed?"));
}

TEST(Parse, KnownKeysAreListedOnce) {
  EXPECT_EQ(parse_error(with("hidden_size: 1\nnum_layers: 2\nvocabulary: {}\n")),
            "2: 3 problems found:\n"
            "  r.yml:4: unknown key \"hidden_size\" in a recipe; known here: merge_method, base_model, models, parameters, seed, dtype, "
            "out_dtype, exclude, missing, rows, nonfinite, overflow, rounding, compat, tensor_order, tokenizer_source, tokenizer, "
            "chat_template\n"
            "  r.yml:5: unknown key \"num_layers\" in a recipe\n"
            "  r.yml:6: unknown key \"vocabulary\" in a recipe");
}

}  // namespace
}  // namespace dare::recipe
