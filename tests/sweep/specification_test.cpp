#include "sweep/specification.hpp"

#include "support/errors.hpp"

#include <gmock/gmock.h>

namespace dare::sweep {
namespace {

using recipe::Setting;
using testing::ElementsAre;

const std::string k_base = "merge_method: dare_linear\nbase_model: b\nmodels: [{model: m, parameters: {density: 0.5}}, {model: n}]\n";

Specification specification(const std::string& text, const std::string& recipe = "", const Specification::Visit& visit = {}) {
  Problems problems;
  Specification all{{"dir/s.yml", text, recipe.empty() ? "" : "other/r.yml", recipe, false, {}, ""}, problems};
  problems.throw_if_any();
  if (visit) all.check(problems, visit);
  problems.throw_if_any();
  return all;
}

std::string error_of(const std::string& text, const std::string& recipe = "") {
  return test::error_of([&] { specification(text, recipe, [](auto&&...) {}); });
}

std::vector<std::string> names(const Specification& all) {
  std::vector<std::string> result;
  for (std::uint64_t i = 0; i < all.points(); ++i) result.push_back(all.point(i).name);
  return result;
}

TEST(Specification, MakesEveryCombinationInOrderThenTheNamedPoints) {
  const auto all =
      specification(k_base + "grid: {seed: [2, 1], drop_rate: [0.90, [0.25, 1e-3]]}\npoints: {z: {drop_rate: 0}, a: {density: 0.75}}\n");
  EXPECT_THAT(names(all), ElementsAre("seed=2,drop_rate=0.9", "seed=2,drop_rate=0.25+0.001", "seed=1,drop_rate=0.9",
                                      "seed=1,drop_rate=0.25+0.001", "z", "a"));
  const auto recipe = all.recipe(all.point(1));
  EXPECT_EQ(recipe.seed, 2U);
  EXPECT_EQ(recipe.models[0].parameters.drop_rate, Setting::constant(0.25));
  EXPECT_FALSE(recipe.models[0].parameters.density);
  EXPECT_EQ(recipe.models[1].parameters.drop_rate, Setting::constant(0.001));
  EXPECT_EQ(recipe.models[0].path, "dir/m");
  EXPECT_EQ(recipe.models[0].written, "m");
}

TEST(Specification, TakesItsRecipeFromAnotherFile) {
  const auto all = specification("recipe: ../other/r.yml\ngrid: {drop_rate: [0.5]}\n", k_base);
  EXPECT_EQ(all.recipe(all.point(0)).models[1].path, "other/n");
  EXPECT_EQ(error_of("recipe: r.yml\nseed: 1\ngrid: {drop_rate: [0.5]}\n", k_base + "dtyp: F32\n"),
            "2: 2 problems found:\n  dir/s.yml:2: seed is given beside recipe; write it in other/r.yml\n"
            "  other/r.yml:4: unknown key \"dtyp\" in a recipe; did you mean dtype?");
}

TEST(Specification, SeesPointsThatAreTheSameHoweverTheyAreWritten) {
  EXPECT_EQ(error_of(k_base + "points:\n  a: {drop_rate: 0.9}\n  b: {drop_rate: [0.9, 0.9]}\n  c: {density: 0.1}\n  d: {density: 0.2}\n"),
            "2: 2 problems found:\n  dir/s.yml:6: point b has the settings of a\n  dir/s.yml:7: point c has the "
            "settings of a");
}

TEST(Specification, RefusesPointsThatAreCalledLikeFiles) {
  EXPECT_EQ(error_of(k_base + "points:\n  a.h5: {drop_rate: 0.9}\n"),
            "2: dir/s.yml:5: point a.h5 is called like a file; name it without an ending of weight files, and give format:");
  EXPECT_EQ(error_of(k_base + "points: {a.bin: {drop_rate: 0.9}}\n"),
            "2: dir/s.yml:4: point a.bin is called like a file; name it without an ending of weight files, and give format:");
  EXPECT_EQ(error_of(k_base + "points: {a.h: {drop_rate: 0.9}}\n"), "");
}

TEST(Specification, MakesEveryPointOnceForWhoeverLooks) {
  std::string seen;
  specification(
      k_base + "grid: {drop_rate: [0.9, 0.5]}\n", "", [&](std::uint64_t i, const recipe::Recipe& recipe, const std::string& json) {
        seen += std::to_string(i) + (recipe.models.size() == 2 ? "," : "?") + (json.find("\"drop_rate\"") != std::string::npos ? ";" : "?");
      });
  EXPECT_EQ(seen, "0,;1,;");
}

TEST(Specification, VariesEverythingThatItSays) {
  const auto all = specification(k_base + R"(
grid:
  models:
    one: {models: [{model: x, stream: 5}]}
    two: {base_model: c, models: [{model: y}, {model: z}]}
  merge_method: [dare_ties]
  weight: [2]
  drop_rate: [0.1]
  rescale: [none]
  lambda: [0.5]
  normalize: [no]
  sign: [unweighted]
  seed: [3]
)");
  ASSERT_EQ(all.points(), 2U);
  EXPECT_EQ(all.point(1).name,
            "models=two,merge_method=dare_ties,weight=2,drop_rate=0.1,rescale=none,lambda=0.5,normalize=false,sign=unweighted,seed=3");
  const auto one = all.recipe(all.point(0));
  EXPECT_EQ(one.base->written, "b");
  ASSERT_EQ(one.models.size(), 1U);
  EXPECT_EQ(one.models[0].stream, 5U);
  const auto two = all.recipe(all.point(1));
  EXPECT_EQ(two.base->path, "dir/c");
  EXPECT_EQ(two.method, "dare_ties");
  EXPECT_EQ(two.models[1].parameters.weight, Setting::constant(2));
  EXPECT_EQ(two.models[1].parameters.drop_rate, Setting::constant(0.1));
  EXPECT_EQ(two.parameters.rescale, merge::Rescale::none);
  EXPECT_EQ(two.method_parameters.lambda, Setting::constant(0.5));
  EXPECT_EQ(two.method_parameters.normalize, false);
  EXPECT_EQ(two.method_parameters.sign, merge::Sign::unweighted);
  EXPECT_EQ(two.seed, 3U);
}

TEST(Specification, ReadsItsSettings) {
  const auto sweep = specification(k_base +
                                   "grid: {drop_rate: [0.5]}\nformat: h5\nevaluate: run {checkpoint}\nevaluate_timeout: 2.5\nkeep: best\n"
                                   "score: loss\nbest: lowest\n");
  const auto& all = sweep.settings();
  EXPECT_EQ(all.format, checkpoint::OutputKind::hdf5);
  EXPECT_EQ(all.evaluate, "run {checkpoint}");
  EXPECT_EQ(all.evaluate_timeout_s, 2.5);
  EXPECT_EQ(all.keep, Keep::best);
  EXPECT_EQ(all.score, "loss");
  EXPECT_TRUE(all.lowest_is_best);
  EXPECT_EQ(specification(k_base + "outputs: statistics\ngrid: {drop_rate: [0.5]}\n").settings().outputs, Outputs::statistics);
}

TEST(Specification, RefusesWhatItCannotMean) {
  EXPECT_EQ(error_of(k_base), "2: dir/s.yml: neither grid nor points give any point");
  EXPECT_EQ(error_of(k_base + "grid: {drop_rate: [0.5], density: [0.5]}\n"),
            "2: dir/s.yml:4: grid: drop_rate and density are both given; density is 1 - drop_rate, give one");
  EXPECT_EQ(error_of(k_base + "outputs: statistics\nevaluate: x\ngrid: {drop_rate: [0.5]}\n"),
            "2: dir/s.yml: outputs: statistics writes no checkpoint that evaluate could be run on; use outputs: model");
  EXPECT_EQ(error_of(k_base + "keep: best\nevaluate: x\ngrid: {drop_rate: [0.5]}\n"),
            "2: dir/s.yml: keep: best deletes all checkpoints but the best; name the score that decides, such as score: accuracy");
  EXPECT_EQ(error_of(k_base + "grid: {drop_rate: 0.5}\n"), "2: dir/s.yml:4: drop_rate: expected a list, found \"0.5\"");
  EXPECT_EQ(error_of(k_base + "grid:\n  models:\n    x y: {models: [{model: a}]}\n    z: {model: a}\n"),
            "2: 3 problems found:\n"
            "  dir/s.yml:6: \"x y\" is no name for a set of models; use letters, digits and ._+=,-\n"
            "  dir/s.yml:7: unknown key \"model\" in a set of models; did you mean models?\n"
            "  dir/s.yml:7: the set of models \"z\" has no models");
}

TEST(Specification, RefusesTwoPointsThatAreTheSame) {
  EXPECT_EQ(error_of(k_base + "grid: {drop_rate: [0.5, 0.25]}\npoints:\n  p: {drop_rate: 0.5}\n"),
            "2: dir/s.yml:6: point p has the settings of drop_rate=0.5");
  EXPECT_EQ(error_of(k_base + "grid: {drop_rate: [0.5]}\npoints:\n  drop_rate=0.5: {drop_rate: 0.25}\n"),
            "2: dir/s.yml:6: two points are called drop_rate=0.5, the other in dir/s.yml:4");
}

TEST(Specification, TellsAProblemOfManyPointsOnce) {
  EXPECT_EQ(error_of("merge_method: ties\nbase_model: b\nmodels: [{model: m}]\ngrid: {seed: [1, 2, 3]}\n"),
            "2: dir/s.yml:3: m: ties needs a drop_rate or a density");
}

TEST(Specification, HasNoPointOfWhichASettingIsNotUnderstood) {
  Problems problems;
  const Specification all{
      {"dir/s.yml", k_base + "grid: {sed: [1]}\npoints: {a: {drop_rate: x}, b: {lambda: 2}, c: {keep: 1}}\n", "", "", false, {}, ""},
      problems};
  EXPECT_EQ(problems.texts().size(), 3U);
  EXPECT_THAT(names(all), ElementsAre("b"));
}

TEST(Specification, CountsPointsWithoutMakingThem) {
  std::string thousand = "0";
  for (int i = 1; i < 1000; ++i) thousand += "," + std::to_string(i);
  EXPECT_EQ(specification(k_base + "grid: {seed: [" + thousand + "], lambda: [" + thousand + "]}\n").points(), 1'000'000U);
  EXPECT_EQ(error_of(k_base + "grid: {seed: [" + thousand + "], lambda: [" + thousand + "], weight: [" + thousand + "]}\n"),
            "2: dir/s.yml: 1000000000 points, a sweep has at most 10000000");
}

TEST(PlainName, IsAFilesNameEverywhere) {
  EXPECT_TRUE(is_plain_name("drop_rate=0.9,seed=1"));
  for (const auto* name : {"", ".x", "-x", "a/b", "a b", "\xC3\xA4"}) EXPECT_FALSE(is_plain_name(name)) << name;
  EXPECT_FALSE(is_plain_name(std::string(201, 'a')));
}

}  // namespace
}  // namespace dare::sweep
