/// Every method over random families against a plain reading of its definition.
#include "merge/reference_whole.hpp"

#include <random>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using namespace test::reference;
using test::family;
using test::MergeTensor;

void expect_equal(const Values& found, const Values& expected, double tolerance = 0) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (tolerance == 0) {
      ASSERT_EQ(found[i], expected[i]) << i;
    } else {
      ASSERT_NEAR(found[i], expected[i], tolerance) << i;
    }
  }
}

Values merged(const MergeTensor& tensor) {
  const auto result = test::merge_all_ways(tensor);
  EXPECT_FALSE(result.finding);
  return test::decoded(Dtype::f64, result.bytes);
}

MergeTensor random_family(std::size_t models, std::uint32_t seed, std::uint64_t row = 37) {
  auto tensor = family({row * (30 + seed * 11), row, models, Dtype::f64, 0}, seed);
  tensor.settings.lambda = .8;
  return tensor;
}

constexpr Sparsifier k_sparsifiers[]{Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della};

TEST(Reference, SparsifiersRescalesAndSums) {
  for (const auto sparsifier : k_sparsifiers) {
    for (const auto rescale : {Rescale::none, Rescale::expected, Rescale::l1}) {
      for (const std::size_t models : {1U, 4U, 8U}) {
        auto tensor = random_family(models, static_cast<std::uint32_t>(models));
        tensor.settings.sparsifier = sparsifier;
        if (models == 8 && statistics_passes(tensor.settings) > 1) continue;  // a histogram for each takes its time
        const auto rate = sparsifier == Sparsifier::none ? Rate::from_drop(0)
                          : models % 4 == 1              ? Rate::from_drop(.7)
                                                         : Rate::from_density(.25);
        test::set_rates(tensor, rate, rescale);
        for (auto& term : tensor.settings.models) {
          term.gamma = .05;
          term.epsilon = .3;
        }
        for (const bool normalize : {false, true}) {
          tensor.settings.normalize = normalize;
          tensor.settings.combiner = Combiner::task_arithmetic;
          expect_equal(merged(tensor), task_arithmetic(tensor, Inputs{tensor}));
          for (const auto sign : {Sign::weighted, Sign::unweighted}) {
            tensor.settings.combiner = Combiner::ties;
            tensor.settings.sign = sign;
            expect_equal(merged(tensor), ties(tensor, Inputs{tensor}));
          }
        }
        tensor.settings.combiner = Combiner::average;
        expect_equal(merged(tensor), average(tensor, Inputs{tensor}));
      }
    }
  }
}

TEST(Reference, Fisher) {
  for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude}) {
    auto tensor = random_family(3, 4);
    tensor.settings.combiner = Combiner::fisher;
    tensor.settings.sparsifier = sparsifier;
    test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : .6), Rescale::expected);
    for (std::size_t k = 0; k < 3; ++k) {
      auto weights = test::deltas(tensor, k);
      for (auto& w : weights) w = w * w;
      tensor.auxiliary.push_back(test::encoded(Dtype::f64, weights));
      tensor.settings.models[k].auxiliary = Dtype::f64;
    }
    expect_equal(merged(tensor), average(tensor, Inputs{tensor}));
  }
}

TEST(Reference, Regmean) {
  for (const double alpha : {1.0, .9}) {
    for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare}) {
      auto tensor = random_family(3, 5, 9);
      tensor.settings.combiner = Combiner::regmean;
      tensor.settings.alpha = alpha;
      tensor.settings.sparsifier = sparsifier;
      test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : .5), Rescale::expected);
      std::mt19937 engine{5};
      std::normal_distribution<double> normal;
      for (auto& term : tensor.settings.models) {
        Values inputs(9 * 40);
        for (auto& x : inputs) x = normal(engine);
        Values gram(81);
        for (std::size_t i = 0; i < 9; ++i) {
          for (std::size_t j = 0; j < 9; ++j) {
            for (std::size_t s = 0; s < 40; ++s) gram[i * 9 + j] += inputs[s * 9 + i] * inputs[s * 9 + j];
          }
        }
        tensor.auxiliary.push_back(test::encoded(Dtype::f64, gram));
        term.auxiliary = Dtype::f64;
      }
      expect_equal(merged(tensor), regmean(tensor, Inputs{tensor}), 1e-13);
    }
  }
}

TEST(Reference, SlerpAndNearswap) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    auto tensor = random_family(1, seed);
    tensor.settings.t = .2 * seed;
    if (seed % 2 == 0) {  // far apart, so that the sphere matters
      const auto other = random_family(1, seed + 10);
      tensor.models[0] =
          test::Bytes{other.models[0].begin(), other.models[0].begin() + static_cast<std::ptrdiff_t>(tensor.models[0].size())};
    }
    tensor.settings.combiner = Combiner::slerp;
    expect_equal(merged(tensor), slerp(tensor, Inputs{tensor}));
    tensor.settings.combiner = Combiner::nearswap;
    tensor.settings.t = .001;
    expect_equal(merged(tensor), nearswap(tensor, Inputs{tensor}));
  }
}

TEST(Reference, ModelStock) {
  for (std::size_t models = 2; models <= 6; ++models) {
    auto tensor = random_family(models, static_cast<std::uint32_t>(models));
    tensor.settings.combiner = Combiner::model_stock;
    expect_equal(merged(tensor), model_stock(tensor, Inputs{tensor}, tensor.settings.elements));
    tensor.settings.filter_wise = true;
    expect_equal(merged(tensor), model_stock(tensor, Inputs{tensor}, tensor.settings.row));
  }
}

// Rows that begin and end within blocks of sums, and hold whole ones.
TEST(Reference, ModelStockOfRowsLongerThanBlocksOfSums) {
  auto tensor = family({3 * 150001, 150001, 2, Dtype::f64, 0}, 9);
  tensor.settings.combiner = Combiner::model_stock;
  tensor.settings.filter_wise = true;
  expect_equal(merged(tensor), model_stock(tensor, Inputs{tensor}, tensor.settings.row));
  tensor.settings.elements = tensor.settings.row;  // one row alone is the whole tensor
  tensor.base.resize(8 * 150001);
  for (auto& model : tensor.models) model.resize(8 * 150001);
  const auto by_row = merged(tensor);
  tensor.settings.filter_wise = false;
  expect_equal(by_row, merged(tensor));
}

TEST(Reference, Sce) {
  for (const double topk : {1.0, .6, .1, 0.0}) {
    for (std::size_t models = 1; models <= 5; models += 2) {
      auto tensor = random_family(models, static_cast<std::uint32_t>(models) + 3);
      tensor.settings.combiner = Combiner::sce;
      tensor.settings.select_topk = topk;
      expect_equal(merged(tensor), sce(tensor, Inputs{tensor}));
    }
  }
}

TEST(Reference, Karcher) {
  for (std::size_t models = 2; models <= 6; ++models) {
    auto tensor = random_family(models, static_cast<std::uint32_t>(models));
    tensor.settings.combiner = Combiner::karcher;
    expect_equal(merged(tensor), karcher(tensor, Inputs{tensor}), 1e-14);
    for (std::size_t k = 0; k < models; ++k) tensor.models[k] = test::encoded(Dtype::f64, test::deltas(tensor, k));  // far apart
    expect_equal(merged(tensor), karcher(tensor, Inputs{tensor}), 1e-14);
  }
}

}  // namespace
}  // namespace dare::merge
