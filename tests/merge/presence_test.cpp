/// Rows that not all models have, and tensors that one alone has.
#include "merge/family.hpp"

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using Values = std::vector<double>;

// Rows of two: the base has two, model 0 four, model 1 three.
test::MergeTensor extended(Combiner combiner) {
  auto tensor = test::worked(Dtype::f64, {1, 1, 1, 1, 0, 0, 0, 0}, {{1.5, 2, 3, 4, 5, 6, -7, 8}, {1.25, 3, 2, 5, 7, 4, 0, 0}});
  auto& settings = tensor.settings;
  settings.combiner = combiner;
  settings.row = 2;
  settings.base_elements = 4;
  settings.models[0].elements = 8;
  settings.models[1].elements = 6;
  return tensor;
}

Values merged(const test::MergeTensor& tensor) {
  const auto result = test::merge_all_ways(tensor);
  EXPECT_FALSE(result.finding);
  return test::decoded(Dtype::f64, result.bytes);
}

Values last_row(const Values& all) {
  return {all.end() - 2, all.end()};
}

TEST(Presence, ModelStockTakesOneModelAsItIs) {
  for (const bool filter_wise : {false, true}) {
    auto tensor = extended(Combiner::model_stock);
    tensor.settings.filter_wise = filter_wise;
    const auto all = merged(tensor);
    EXPECT_EQ(last_row(all), (Values{-7, 8}));
    EXPECT_NE(all[4], 5);  // between the base and the mean of two
  }
}

TEST(Presence, ModelStockCountsTheModelsOfARow) {
  auto tensor = extended(Combiner::model_stock);
  tensor.settings.filter_wise = true;
  auto& settings = tensor.settings;
  settings.models.push_back(settings.models[1]);  // a third, as short as the base
  settings.models[2].model = 2;
  settings.models[2].elements = 4;
  tensor.models.push_back(test::encoded(Dtype::f64, {9, 8, 7, 6, 0, 0, 0, 0}));
  const auto cosine = (5.0 * 7 + 6.0 * 4) / (std::sqrt(5.0 * 5 + 6.0 * 6) * std::sqrt(7.0 * 7 + 4.0 * 4));
  const auto t = 2 * cosine / (1 + cosine);
  const auto all = merged(tensor);
  EXPECT_EQ(all[4], t * ((5.0 + 7.0) / 2));
  EXPECT_EQ(all[5], t * ((6.0 + 4.0) / 2));
}

TEST(Presence, ModelStockOfATensorThatOneModelHas) {
  auto tensor = test::worked(Dtype::f64, {0, 0, 1}, {{3, -4, 2}});
  tensor.settings.combiner = Combiner::model_stock;
  for (const bool filter_wise : {false, true}) {
    tensor.settings.filter_wise = filter_wise;
    EXPECT_EQ(merged(tensor), (Values{3, -4, 2}));
  }
}

TEST(Presence, SceTakesTheDeltaOfOneModelWhole) {
  for (const double topk : {1.0, .5, .25}) {
    auto tensor = extended(Combiner::sce);
    tensor.settings.select_topk = topk;
    EXPECT_EQ(last_row(merged(tensor)), (Values{-7, 8}));
    auto one = test::worked(Dtype::f64, {1, 2, 3}, {{1.5, 1, 3}});
    one.settings.combiner = Combiner::sce;
    one.settings.select_topk = topk;
    EXPECT_EQ(merged(one), (Values{1.5, 1, 3}));
  }
}

TEST(Presence, SceAsMergekitTakesTheBaseWhereVarianceSelectsNothing) {
  auto one = test::worked(Dtype::f64, {1, 2, 3}, {{1.5, 1, 3}});
  one.settings.combiner = Combiner::sce;
  one.settings.select_topk = .5;
  one.settings.compat = Compat::mergekit;
  EXPECT_EQ(merged(one), (Values{1, 2, 3}));
  one.settings.compat = Compat::none;
  one.settings.select_topk = 0;  // nothing is selected, whoever is there
  EXPECT_EQ(merged(one), (Values{1, 2, 3}));
}

}  // namespace
}  // namespace dare::merge
