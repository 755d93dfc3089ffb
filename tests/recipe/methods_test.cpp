// What recipes mean for methods beyond dare_linear and task_arithmetic; each test is skipped while the table lacks its method.
#include <dare/recipe/job.hpp>

#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using test::header;
using test::parse_error;
using test::parsed;
using testing::ElementsAre;

#define NEED(method) \
  if (!test::has_method(method)) GTEST_SKIP() << method

const auto k_checkpoint = header("b", {{"w", Dtype::f32, {4, 3}}, {"bias", Dtype::f32, {4}}});

merge::TensorSettings settings_of(const std::string& yaml, std::size_t models) {
  return resolve(parsed(yaml), k_checkpoint, std::vector<checkpoint::Header>(models, k_checkpoint)).tasks[0].settings;
}

std::string two(const std::string& method, const std::string& more = "") {
  return "merge_method: " + method + "\nbase_model: b\nmodels: [{model: m0}, {model: m1}]\n" + more;
}

TEST(Methods, TiesNormalizesByDefault) {
  NEED("ties");
  const auto plain = settings_of(two("ties", "parameters: {density: 0.5}"), 2);
  EXPECT_EQ(plain.sparsifier, merge::Sparsifier::magnitude);
  EXPECT_TRUE(plain.normalize);
  EXPECT_EQ(plain.sign, merge::Sign::weighted);
  EXPECT_EQ(plain.scope, merge::Scope::tensor);
  EXPECT_EQ(plain.models[0].rescale, merge::Rescale::none);
  const auto set =
      settings_of(two("ties", "parameters: {density: 0.5, normalize: false, sign: unweighted, scope: model, rescale: expected}"), 2);
  EXPECT_FALSE(set.normalize);
  EXPECT_EQ(set.sign, merge::Sign::unweighted);
  EXPECT_EQ(set.scope, merge::Scope::model);
  EXPECT_EQ(set.models[0].rescale, merge::Rescale::expected);
}

TEST(Methods, DareTiesByMergekitDoesNotNormalizeAndRescalesByL1) {
  NEED("dare_ties");
  EXPECT_TRUE(settings_of(two("dare_ties", "parameters: {density: 0.5}"), 2).normalize);
  const auto kit = settings_of(two("dare_ties", "compat: mergekit"), 2);
  EXPECT_FALSE(kit.normalize);
  EXPECT_EQ(kit.models[0].rescale, merge::Rescale::l1);
  EXPECT_EQ(kit.models[0].rate, merge::Rate::from_density(1));
}

TEST(Methods, BreadcrumbsAndDellaHaveMergekitsDefaults) {
  NEED("breadcrumbs");
  NEED("della");
  EXPECT_EQ(settings_of(two("breadcrumbs", "parameters: {density: 0.5}"), 2).models[0].gamma, 0.01);
  EXPECT_EQ(settings_of(two("della", "parameters: {density: 0.5}"), 2).models[1].epsilon, 0.15);
  EXPECT_EQ(settings_of(two("della", "parameters: {density: 0.5, epsilon: [{filter: w, value: 0.2}]}"), 2).models[1].epsilon, 0.2);
}

TEST(Methods, LinearNeedsNoBase) {
  NEED("linear");
  const std::string yaml = "merge_method: linear\nmodels: [{model: m0, parameters: {weight: 3}}, {model: m1}]\n";
  const auto recipe = parsed(yaml);
  EXPECT_FALSE(recipe.base);
  EXPECT_EQ(recipe.frame().written, "m0");
  const auto job = resolve(recipe, k_checkpoint, {k_checkpoint, k_checkpoint});
  EXPECT_FALSE(job.has_base);
  EXPECT_FALSE(job.tasks[0].settings.has_base);
  ASSERT_EQ(job.tasks[0].inputs.size(), 2U);
  EXPECT_EQ(job.tasks[0].inputs[0].model, 0);
  EXPECT_EQ(parse_error(yaml + "missing: base"), "2: r.yml:3: missing: base needs a base_model; set missing: error or skip");
  EXPECT_EQ(parse_error(yaml + "parameters: {normalize: true}"), "");
  EXPECT_EQ(parse_error(yaml + "parameters: {normalize: false}"),
            "2: r.yml:3: linear divides by the sum of the weights; normalize: false is not supported");
  EXPECT_EQ(test::error_of([&] {
              (void)resolve(parsed("merge_method: linear\nmodels: [{model: m0}, {model: m1}]\nparameters: {weight: 0}\n"), k_checkpoint,
                            {k_checkpoint, k_checkpoint});
            }),
            "2: r.yml: weight: linear divides by the sum of the weights, which is 0 for \"w\", \"bias\"; change the weights");
  EXPECT_EQ(test::error_of([&] {
              (void)resolve(recipe, k_checkpoint, {k_checkpoint, header("m1", {{"w", Dtype::f32, {4, 3}}})});
            }),
            "3: m1: lacks the first model's \"bias\"; give the whole model, exclude them, or set missing: base or missing: skip");
}

TEST(Methods, AveragesKeepTheBaseAmongTheModels) {
  NEED("linear");
  EXPECT_EQ(parsed("merge_method: linear\nbase_model: b\nmodels: [{model: b}, {model: m1}]").models.size(), 2U);
}

TEST(Methods, SlerpTakesOneModelBesideTheBase) {
  NEED("slerp");
  const std::string yaml = "merge_method: slerp\nbase_model: b\nmodels: [{model: b}, {model: m}]\n";
  const auto settings = settings_of(yaml + "parameters: {t: [{filter: w, value: 0.25}, {value: 0.5}]}", 1);
  EXPECT_EQ(settings.t, 0.25);
  EXPECT_EQ(parse_error(yaml), "2: r.yml:1: slerp needs t; give it under parameters, or with --t");
  EXPECT_EQ(parse_error(two("slerp", "parameters: {t: 0.5}")), "2: r.yml:3: slerp takes 1 model beside the base, found 2");
  EXPECT_EQ(parse_error(yaml + "parameters: {t: 0.5, weight: 1}"), "2: r.yml:4: slerp has no weight; it takes: t");
}

TEST(Methods, KarcherAndSceAndModelStockHaveTheirParameters) {
  NEED("karcher");
  NEED("sce");
  NEED("model_stock");
  const auto karcher = settings_of(two("karcher", "parameters: {max_iter: 20, tol: 0.001}"), 2);
  EXPECT_EQ(karcher.max_iterations, 20);
  EXPECT_EQ(karcher.tolerance, 0.001);
  EXPECT_EQ(settings_of(two("sce", "parameters: {select_topk: 0.3}"), 2).select_topk, 0.3);
  EXPECT_TRUE(settings_of(two("model_stock", "parameters: {filter_wise: true}"), 2).filter_wise);
}

TEST(Methods, FisherWeightsAreHeldAgainstTheModels) {
  NEED("fisher");
  const std::string yaml = "merge_method: fisher\nbase_model: b\nmodels: [{model: m0, fisher: f0}, {model: m1, fisher: /f1}]\n";
  const auto recipe = parsed(yaml);
  EXPECT_EQ(recipe.models[0].auxiliary->path, "folder/f0");
  EXPECT_EQ(recipe.models[1].auxiliary->written, "/f1");
  const auto fisher = header("f", {{"bias", Dtype::f32, {4}}, {"w", Dtype::f32, {4, 3}}});
  const auto job = resolve(recipe, k_checkpoint, {k_checkpoint, k_checkpoint}, {fisher, fisher});
  EXPECT_EQ(job.tasks[0].inputs[1].auxiliary, 1U);
  EXPECT_EQ(job.tasks[1].inputs[1].auxiliary, 0U);
  EXPECT_EQ(test::error_of([&] {
              (void)resolve(recipe, k_checkpoint, {k_checkpoint, k_checkpoint}, {fisher, header("f1", {{"w", Dtype::f32, {3, 4}}})});
            }),
            "3: 2 problems found:\n"
            "  f1: tensor \"w\": F32 [3, 4], expected a float [4, 3]; Fisher weights have the tensor's shape, gather them on the model "
            "beside which the recipe lists them\n"
            "  f1: lacks Fisher weights of \"bias\"; it must have every merged tensor");
  EXPECT_EQ(parse_error("merge_method: fisher\nbase_model: b\nmodels: [{model: m0, gram: f0}]"),
            "2: 2 problems found:\n"
            "  r.yml:3: fisher uses no gram\n"
            "  r.yml:3: m0: fisher needs a checkpoint under fisher");
}

TEST(Methods, ABaseThatStandsInHasNoFisherWeights) {
  NEED("fisher");
  EXPECT_EQ(parse_error("merge_method: fisher\nbase_model: b\nmissing: base\nmodels: [{model: m0, fisher: f}]"),
            "2: r.yml:3: fisher cannot weigh a base that stands in for a model; set missing: error or skip");
}

TEST(Methods, GramMatricesAreOfLinearWeightsAlone) {
  NEED("regmean");
  const auto recipe = parsed("merge_method: regmean\nbase_model: b\nmodels: [{model: m0, gram: g}]\nparameters: {alpha: 0.5}");
  const auto job = resolve(recipe, k_checkpoint, {k_checkpoint}, {header("g", {{"w", Dtype::f32, {3, 3}}})});
  EXPECT_EQ(job.tasks[0].inputs[0].auxiliary, 0U);
  EXPECT_EQ(job.tasks[1].inputs[0].auxiliary, std::nullopt);
  EXPECT_EQ(job.tasks[0].settings.alpha, 0.5);
  EXPECT_EQ(job.tasks[0].settings.combiner, merge::Combiner::regmean);
  EXPECT_EQ(job.tasks[1].settings.combiner, merge::Combiner::average);
}

TEST(Methods, GramMatricesOfAllModelsOrNone) {
  NEED("regmean");
  const auto recipe = parsed("merge_method: regmean\nbase_model: b\nrows: base\nmodels: [{model: m0, gram: g0}, {model: m1, gram: g1}]");
  const auto gram = header("g0", {{"w", Dtype::bf16, {3, 3}}});
  EXPECT_EQ(resolve(recipe, k_checkpoint, {k_checkpoint, k_checkpoint}, {gram, gram}).tasks[0].settings.models[1].auxiliary, Dtype::bf16);
  EXPECT_EQ(test::error_of([&] {
              (void)resolve(recipe, k_checkpoint, {k_checkpoint, k_checkpoint}, {gram, header("g1", {})});
            }),
            "3: g1: lacks Gram matrices that other models have, of \"w\"; give all or none");
  const auto shorter = header("m1", {{"w", Dtype::f32, {2, 3}}, {"bias", Dtype::f32, {4}}});
  EXPECT_EQ(test::error_of([&] {
              (void)resolve(recipe, k_checkpoint, {k_checkpoint, shorter}, {gram, gram});
            }),
            "3: m1: RegMean needs the same rows of every model in \"w\"; exclude the tensor, or leave its Gram matrices out");
}

TEST(Methods, ScopeModelTakesOneRateAModel) {
  NEED("ties");
  const std::string yaml = two("ties", "parameters: {scope: model, density: [{filter: bias, value: 0.5}, {value: 0.25}]}");
  const auto run = [&](const std::string& text) {
    return test::error_of([&] { (void)resolve(parsed(text), k_checkpoint, {k_checkpoint, k_checkpoint}); });
  };
  EXPECT_EQ(run(yaml),
            "2: 2 problems found:\n"
            "  r.yml: m0: scope: model takes one drop_rate for the whole model, another is given for \"bias\"; give one, or scope: tensor\n"
            "  r.yml: m1: scope: model takes one drop_rate for the whole model, another is given for \"bias\"; give one, or scope: tensor");
  EXPECT_EQ(run(yaml + "\nexclude: bias"), "");
  EXPECT_EQ(settings_of(two("ties", "parameters: {scope: model, density: 0.25}"), 2).models[1].model, 1U);
}

TEST(Methods, DareInFrontOfAnAverageDraws) {
  NEED("dare_average");
  const auto recipe = parsed(two("dare_average", "parameters: {drop_rate: 0.5}"));
  EXPECT_EQ(recipe.models[1].stream, 1U);
  EXPECT_EQ(parse_error(two("dare_average")),
            "2: 2 problems found:\n"
            "  r.yml:3: m0: dare_average needs a drop_rate or a density\n"
            "  r.yml:3: m1: dare_average needs a drop_rate or a density");
}

}  // namespace
}  // namespace dare::recipe
