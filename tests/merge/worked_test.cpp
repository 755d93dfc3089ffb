/// One example by hand for every method, and its facts in the table.
#include "merge/family.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::MergeTensor;
using test::worked;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

std::vector<double> merged(const MergeTensor& tensor) {
  const auto result = test::merge_all_ways(tensor);
  EXPECT_FALSE(result.finding);
  return test::decoded(tensor.settings.out_dtype, result.bytes);
}

MergeTensor by(Combiner combiner, const std::vector<double>& base, const std::vector<std::vector<double>>& models) {
  auto tensor = worked(Dtype::f64, base, models);
  tensor.settings.combiner = combiner;
  return tensor;
}

TEST(Worked, TaskArithmetic) {
  auto tensor = by(Combiner::task_arithmetic, {1, 2, 3}, {{1.5, 2, 3}, {0.5, 2, 4}});
  tensor.settings.models[1].weight = .5;
  EXPECT_THAT(merged(tensor), ElementsAre(1.25, 2, 3.5));  // 1 + .5 - .5 * .5
  tensor.settings.lambda = 2;
  tensor.settings.normalize = true;  // N = 1.5
  EXPECT_THAT(merged(tensor), ElementsAre(1 + 2 / 1.5 * .5 - 1 / 1.5 * .5, 2, 3 + 1 / 1.5));
}

TEST(Worked, Ties) {
  // Votes -.25, +.75, 0: the first elects -, where the third alone is; the second +, where two are; no one moves the third.
  auto tensor = by(Combiner::ties, {1, 1, 1}, {{1.5, 2, 1}, {1.25, .25, 1}, {0, 1.5, 1}});
  EXPECT_THAT(merged(tensor), ElementsAre(1 - 1, 1 + 1.5, 1));
  tensor.settings.normalize = true;
  EXPECT_THAT(merged(tensor), ElementsAre(1 - 1, 1 + .75, 1));
  tensor.settings.models[2].weight = .25;  // votes .5, .375; unweighted -.25, .75
  EXPECT_THAT(merged(tensor), ElementsAre(1 + .375, 1 + 1.125 / 1.25, 1));
  tensor.settings.sign = Sign::unweighted;
  EXPECT_THAT(merged(tensor), ElementsAre(1 - 1, 1 + 1.125 / 1.25, 1));
}

TEST(Worked, MagnitudeAndTheExpectedRescale) {
  auto tensor = by(Combiner::task_arithmetic, {0, 0, 0, 0}, {{1, -4, 2, -3}});
  tensor.settings.sparsifier = Sparsifier::magnitude;
  test::set_rates(tensor, Rate::from_density(.5));
  EXPECT_THAT(merged(tensor), ElementsAre(0, -4, 0, -3));
  test::set_rates(tensor, Rate::from_density(.5), Rescale::expected);
  EXPECT_THAT(merged(tensor), ElementsAre(0, -8, 0, -6));
  test::set_rates(tensor, Rate::from_density(.5), Rescale::l1);  // 10 / 7
  EXPECT_THAT(merged(tensor), ElementsAre(0, -4 * (10. / 7), 0, -3 * (10. / 7)));
}

TEST(Worked, Breadcrumbs) {
  auto tensor = by(Combiner::task_arithmetic, std::vector<double>(10, 0), {{1, 2, 3, 4, 5, -6, 7, 8, 9, -10}});
  tensor.settings.sparsifier = Sparsifier::breadcrumbs;
  test::set_rates(tensor, Rate::from_density(.5));
  tensor.settings.models[0].gamma = .2;  // -10 and 9 go, then all but the five largest
  EXPECT_THAT(merged(tensor), ElementsAre(0, 0, 0, 4, 5, -6, 7, 8, 0, 0));
}

TEST(Worked, DellaSparesTheLarge) {
  // p = .5, width 1: the smallest of a row is dropped at rate 1, the largest kept at rate 0 with factor 1.
  auto tensor = by(Combiner::task_arithmetic, {0, 0, 0, 0}, {{1, -2, 8, 4}});
  tensor.settings.row = 2;
  tensor.settings.sparsifier = Sparsifier::della;
  test::set_rates(tensor, Rate::from_drop(.5), Rescale::expected);
  tensor.settings.models[0].epsilon = 1;
  EXPECT_THAT(merged(tensor), ElementsAre(0, -2, 8, 0));
}

TEST(Worked, DellaOfMergekitsDensity0KeepsNothing) {
  auto tensor = by(Combiner::task_arithmetic, {0, 0, 0, 0}, {{1, -2, 8, 4}});
  tensor.settings.sparsifier = Sparsifier::della;
  tensor.settings.compat = Compat::mergekit;
  tensor.settings.models[0].epsilon = 1;  // else the largest were kept
  test::set_rates(tensor, Rate::from_density(0), Rescale::l1);
  EXPECT_THAT(merged(tensor), ElementsAre(0, 0, 0, 0));
  test::set_rates(tensor, Rate::from_density(1), Rescale::l1);
  EXPECT_THAT(merged(tensor), ElementsAre(1, -2, 8, 4));
}

TEST(Worked, AverageAndLinear) {
  auto tensor = by(Combiner::average, {1, 2}, {{2, 2}, {5, 2}});
  tensor.settings.models[0].weight = 3;
  EXPECT_THAT(merged(tensor), ElementsAre((3 * 2 + 5) / 4., 2));
  tensor.settings.has_base = false;
  tensor.base.clear();
  EXPECT_THAT(merged(tensor), ElementsAre((3 * 2 + 5) / 4., 2));
}

TEST(Worked, Fisher) {
  auto tensor = by(Combiner::fisher, {1, 2}, {{2, 2}, {6, 2}});
  tensor.auxiliary = {test::encoded(Dtype::f32, {3, 1}), test::encoded(Dtype::f32, {1, 7})};
  const auto a = 3 + 1e-6;
  const auto b = 1 + 1e-6;
  EXPECT_THAT(merged(tensor), ElementsAre((a * 2 + b * 6) / (a + b), 2));
}

TEST(Worked, Regmean) {
  // Inputs of the first model lie along the first axis, of the second along the other: each column comes from its model.
  auto tensor = by(Combiner::regmean, {0, 0, 0, 0}, {{1, 2, 3, 4}, {10, 20, 30, 40}});
  tensor.settings.row = 2;
  tensor.auxiliary = {test::encoded(Dtype::f32, {4, 0, 0, 0}), test::encoded(Dtype::f32, {0, 0, 0, 2})};
  EXPECT_THAT(merged(tensor), ElementsAre(1, 20, 3, 40));
  tensor.auxiliary[1] = tensor.auxiliary[0];
  const auto result = test::merge_pieces(tensor, {}, 1);
  ASSERT_TRUE(result.finding);
  EXPECT_EQ(result.finding->kind, Finding::Kind::singular);
  EXPECT_EQ(result.finding->value, 0);
}

TEST(Worked, Slerp) {
  auto tensor = by(Combiner::slerp, {2, 0}, {{0, 3}});
  tensor.settings.t = .5;  // a right angle: both by sin 45 degrees
  const auto half = std::sqrt(.5);
  EXPECT_THAT(merged(tensor), ElementsAre(DoubleNear(2 * half, 1e-15), DoubleNear(3 * half, 1e-15)));
  auto straight = by(Combiner::slerp, {1, 2}, {{2, 4}});  // the same direction: a straight line
  straight.settings.t = .25;
  EXPECT_THAT(merged(straight), ElementsAre(1.25, 2.5));
}

TEST(Worked, ModelStock) {
  EXPECT_THAT(merged(by(Combiner::model_stock, {1, 1}, {{2, 1}, {4, 1}})), ElementsAre(3, 1));  // one direction: the mean
  EXPECT_THAT(merged(by(Combiner::model_stock, {1, 1}, {{2, 1}, {1, 2}})), ElementsAre(1, 1));  // right angles: the base
  auto rows = by(Combiner::model_stock, {1, 1, 1, 1}, {{2, 1, 2, 1}, {4, 1, 1, 2}});
  rows.settings.row = 2;
  rows.settings.filter_wise = true;
  EXPECT_THAT(merged(rows), ElementsAre(3, 1, 1, 1));
}

TEST(Worked, Sce) {
  // Mean squares 5/2 and 1/2: weights 5/6 and 1/6. The second element has signs that differ; the larger sum, -2 + 1, decides.
  auto tensor = by(Combiner::sce, {0, 0}, {{1, -2}, {0, 1}});
  EXPECT_THAT(merged(tensor), ElementsAre(DoubleNear(1, 1e-15), DoubleNear(-2, 1e-15)));
  auto two = by(Combiner::sce, {0, 0, 0, 0}, {{4, 1, 0, 3}, {2, 1, 0, 0}});
  two.settings.select_topk = .5;  // variances 1, 0, 0, 2.25: of two that are not 0, one
  EXPECT_THAT(merged(two), ElementsAre(0, 0, 0, DoubleNear(3, 1e-15)));
}

TEST(Worked, Nearswap) {
  auto tensor = by(Combiner::nearswap, {1, 1, 1}, {{1.25, 3, 1}});
  tensor.settings.t = .5;  // nearer than t: swapped; at distance 2: a quarter of the way
  EXPECT_THAT(merged(tensor), ElementsAre(1.25, 1.5, 1));
}

TEST(Worked, Karcher) {
  const auto half = std::sqrt(.5);
  auto tensor = by(Combiner::karcher, {0, 0}, {{1, 0}, {0, 3}});  // directions halfway, lengths averaged to 2
  EXPECT_THAT(merged(tensor), ElementsAre(DoubleNear(2 * half, 1e-12), DoubleNear(2 * half, 1e-12)));
  EXPECT_THAT(merged(by(Combiner::karcher, {0, 0}, {{.3, .7}})), ElementsAre(.3, .7));
  EXPECT_THAT(merged(by(Combiner::karcher, {0, 0}, {{0, 0}, {0, 0}})), ElementsAre(0, 0));
}

TEST(Worked, KarcherWithoutTolerance) {
  const auto without = [](const std::vector<std::vector<double>>& models) {
    auto tensor = by(Combiner::karcher, {0, 0}, models);
    tensor.settings.tolerance = 0;
    tensor.settings.max_iterations = 100;
    return merged(tensor);
  };
  const auto half = std::sqrt(.5);
  EXPECT_THAT(without({{2, 0}, {2, 0}}), ElementsAre(2, 0));  // no angle, no tangent, to divide by
  EXPECT_THAT(without({{1, 0}, {0, 3}}), ElementsAre(DoubleNear(2 * half, 1e-12), DoubleNear(2 * half, 1e-12)));
  EXPECT_THAT(without({{1, 0}, {-3, 0}}), ElementsAre(2, 0));  // no mean: the first's direction
  EXPECT_THAT(without({{0, 0}, {0, 3}}), ElementsAre(0, 1.5));
  EXPECT_THAT(without({{0, 0}, {0, 0}}), ElementsAre(0, 0));
}

TEST(Worked, DeltasAsSources) {
  auto tensor = worked(Dtype::bf16, {1, 2, -4}, {{1, 2, -4}});
  tensor.settings.models[0].source = Source::delta;
  tensor.models[0] = test::encoded(Dtype::f32, {.5, 0, 2});
  EXPECT_THAT(merged(tensor), ElementsAre(1.5, 2, -2));
  tensor.settings.combiner = Combiner::average;
  EXPECT_THAT(merged(tensor), ElementsAre(1.5, 2, -2));
}

TEST(Worked, RowsThatOnlySomeModelsHave) {
  // The base has 2 elements, one model 4, the other 3: where a model is absent, sums and N are over the others.
  auto tensor = worked(Dtype::f64, {1, 2, 0, 0}, {{2, 2, 8, 6}, {3, 2, 4, 0}});
  tensor.settings.base_elements = 2;
  tensor.settings.models[1].elements = 3;
  tensor.settings.models[1].weight = 3;
  tensor.settings.normalize = true;
  EXPECT_THAT(merged(tensor), ElementsAre(1 + (.25 * 1 + .75 * 2), 2, .25 * 8 + .75 * 4, 6));
  tensor.settings.combiner = Combiner::average;
  EXPECT_THAT(merged(tensor), ElementsAre((2 + 9) / 4., 2, (8 + 12) / 4., 6));
  tensor.settings.combiner = Combiner::ties;
  EXPECT_THAT(merged(tensor), ElementsAre(1 + 7 / 4., 2, (8 + 12) / 4., 6));
}

TEST(Methods, EveryNameOnceWithItsFacts) {
  std::set<std::string_view> names;
  for (const auto& method : methods()) {
    EXPECT_TRUE(names.insert(method.name).second) << method.name;
    EXPECT_EQ(find_method(method.name), &method);
    EXPECT_FALSE(method.summary.empty());
    EXPECT_LE(method.least_models, method.most_models);
    EXPECT_EQ(takes(method, Parameter::gamma), method.sparsifier == Sparsifier::breadcrumbs);
  }
  for (const auto* name :
       {"dare_linear", "dare_ties",       "dare_average", "dare_fisher",      "dare_regmean", "task_arithmetic", "ties",   "linear",
        "average",     "magnitude_prune", "breadcrumbs",  "breadcrumbs_ties", "della",        "della_linear",    "fisher", "regmean",
        "slerp",       "model_stock",     "sce",          "nearswap",         "karcher"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(find_method("dare"), nullptr);
}

TEST(Methods, PassesBeforeTheMerge) {
  const auto passes = [](Dtype dtype, const std::string& name, Rescale rescale) {
    const auto& method = *find_method(name);
    auto tensor = worked(dtype, {1}, {{1}, {1}});
    tensor.settings.sparsifier = method.sparsifier;
    tensor.settings.combiner = method.combiner;
    test::set_rates(tensor, Rate::from_density(.5), rescale);
    return statistics_passes(tensor.settings);
  };
  EXPECT_EQ(passes(Dtype::bf16, "dare_linear", Rescale::expected), 0U);
  EXPECT_EQ(passes(Dtype::bf16, "dare_linear", Rescale::l1), 1U);
  EXPECT_EQ(passes(Dtype::bf16, "ties", Rescale::none), 2U);
  EXPECT_EQ(passes(Dtype::f32, "ties", Rescale::none), 4U);
  EXPECT_EQ(passes(Dtype::bf16, "breadcrumbs", Rescale::l1), 3U);
  EXPECT_EQ(passes(Dtype::bf16, "della", Rescale::expected), 0U);
  EXPECT_EQ(passes(Dtype::bf16, "slerp", Rescale::none), 1U);
  EXPECT_EQ(passes(Dtype::bf16, "karcher", Rescale::none), 1U);
  EXPECT_EQ(passes(Dtype::bf16, "model_stock", Rescale::none), 1U);
  EXPECT_EQ(passes(Dtype::bf16, "sce", Rescale::none), 1U);
  EXPECT_EQ(passes(Dtype::bf16, "regmean", Rescale::none), 0U);
  EXPECT_EQ(passes(Dtype::bf16, "fisher", Rescale::none), 0U);
}

TEST(Methods, WhatMustBeRead) {
  TensorSettings settings;
  settings.elements = 95;
  settings.row = 10;
  EXPECT_EQ(extent_needed(settings, {13, 20}), (Extent{13, 20}));
  settings.sparsifier = Sparsifier::della;
  EXPECT_EQ(extent_needed(settings, {13, 20}), (Extent{10, 30}));
  EXPECT_EQ(extent_needed(settings, {90, 5}), (Extent{90, 5}));
  settings.combiner = Combiner::regmean;
  EXPECT_EQ(extent_needed(settings, {13, 20}), (Extent{0, 95}));
  EXPECT_EQ(clipped({13, 20}, 15), (Extent{13, 2}));
  EXPECT_EQ(clipped({13, 20}, 5).elements, 0U);
}

}  // namespace
}  // namespace dare::merge
