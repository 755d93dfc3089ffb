/// Every method over random families against a plain reading of its definition.
#include "merge/reference_whole.hpp"

#include <random>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using namespace test::reference;
using test::family;
using test::MergeTensor;

template <class W>
void expect_equal(const std::vector<W>& found, const std::vector<W>& expected, double tolerance = 0) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (tolerance == 0) {
      ASSERT_EQ(found[i], expected[i]) << i;
    } else {
      ASSERT_NEAR(found[i], expected[i], tolerance) << i;
    }
  }
}

// What was merged, before any rounding to another type.
template <class W>
class Reference : public testing::Test {
 protected:
  static constexpr bool k_wide = sizeof(W) == 8;
  static constexpr double k_near = k_wide ? 1e-13 : 1e-8;  // of numbers below .2, where the last bits may differ

  static std::vector<W> merged(const MergeTensor& tensor) {
    EXPECT_EQ(works_in_float64(tensor.settings), k_wide);
    const auto result = test::merge_all_ways(tensor);
    EXPECT_FALSE(result.finding);
    return Inputs<W>::narrowed(test::decoded(tensor.settings.out_dtype, result.bytes));
  }

  // For float32 work all inputs are of 16 bits, of which many deltas are equal; every other model is a float16 beside a bfloat16 base.
  static MergeTensor shaped(const test::FamilyShape& shape, std::uint32_t seed) {
    if (k_wide) return family({shape.elements, shape.row, shape.models, Dtype::f64, shape.step}, seed);
    auto tensor = family({shape.elements, shape.row, shape.models, Dtype::bf16, shape.step}, seed);
    tensor.settings.out_dtype = Dtype::f32;
    for (std::size_t k = 1; k < shape.models; k += 2) {
      tensor.models[k] = test::encoded(Dtype::f16, test::decoded(Dtype::bf16, tensor.models[k]));
      tensor.settings.models[k].dtype = Dtype::f16;
    }
    return tensor;
  }

  static MergeTensor random_family(std::size_t models, std::uint32_t seed, std::uint64_t row = 37, double step = 0) {
    auto tensor = shaped({row * (30 + seed * 11), row, models, Dtype::f64, step}, seed);
    tensor.settings.lambda = .8;
    return tensor;
  }
};

using WorkingTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(Reference, WorkingTypes);

constexpr Sparsifier k_sparsifiers[]{Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della};

template <class W, class Merge>
void expect_sums(MergeTensor tensor, Merge merged) {
  for (const bool normalize : {false, true}) {
    tensor.settings.normalize = normalize;
    tensor.settings.combiner = Combiner::task_arithmetic;
    expect_equal(merged(tensor), task_arithmetic(tensor, Inputs<W>{tensor}));
    for (const auto sign : {Sign::weighted, Sign::unweighted}) {
      tensor.settings.combiner = Combiner::ties;
      tensor.settings.sign = sign;
      expect_equal(merged(tensor), ties(tensor, Inputs<W>{tensor}));
    }
  }
  tensor.settings.combiner = Combiner::average;
  expect_equal(merged(tensor), average(tensor, Inputs<W>{tensor}));
}

void set_all(MergeTensor& tensor, Sparsifier sparsifier, Rate rate, Rescale rescale) {
  tensor.settings.sparsifier = sparsifier;
  test::set_rates(tensor, rate, rescale);
  for (auto& term : tensor.settings.models) {
    term.gamma = .05;
    term.epsilon = .3;
  }
}

TYPED_TEST(Reference, SparsifiersRescalesAndSums) {
  for (const auto sparsifier : k_sparsifiers) {
    for (const auto rescale : {Rescale::none, Rescale::expected, Rescale::l1}) {
      for (const std::size_t models : {1U, 4U, 8U}) {
        auto tensor = this->random_family(models, static_cast<std::uint32_t>(models));
        tensor.settings.sparsifier = sparsifier;
        if (models == 8 && statistics_passes(tensor.settings) > 1) continue;  // a histogram for each takes its time
        const auto rate = sparsifier == Sparsifier::none ? Rate::from_drop(0)
                          : models % 4 == 1              ? Rate::from_drop(.7)
                                                         : Rate::from_density(.25);
        set_all(tensor, sparsifier, rate, rescale);
        expect_sums<TypeParam>(tensor, this->merged);
      }
    }
  }
}

// Ten sizes of deltas: every cut falls among equal ones, and of ties the lower index stays.
TYPED_TEST(Reference, SelectionsAmongEqualDeltas) {
  for (const auto sparsifier : {Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della}) {
    for (const std::size_t models : {1U, 2U, 3U, 5U, 6U, 7U}) {
      for (const double density : {.1, .6, .97}) {
        auto tensor = this->random_family(models, static_cast<std::uint32_t>(models), 37, .001);
        if (sizeof(TypeParam) == 8) {  // a base of powers of two: no delta is rounded
          for (std::size_t k = 0; k < models; ++k) {
            auto delta = test::deltas(tensor, k);
            for (auto& d : delta) d = .25 + std::round(d / .001) * .0009765625;
            tensor.models[k] = test::encoded(Dtype::f64, delta);
          }
          tensor.base = test::encoded(Dtype::f64, Values(tensor.settings.elements, .25));
        }
        set_all(tensor, sparsifier, Rate::from_density(density), Rescale::l1);
        tensor.settings.combiner = models % 2 == 0 ? Combiner::ties : Combiner::task_arithmetic;
        const Inputs<TypeParam> in{tensor};
        expect_equal(this->merged(tensor), models % 2 == 0 ? ties(tensor, in) : task_arithmetic(tensor, in));
      }
    }
  }
}

TYPED_TEST(Reference, Fisher) {
  for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude}) {
    auto tensor = this->random_family(3, 4);
    tensor.settings.combiner = Combiner::fisher;
    tensor.settings.sparsifier = sparsifier;
    test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : .6), Rescale::expected);
    for (std::size_t k = 0; k < 3; ++k) {
      auto weights = test::deltas(tensor, k);
      for (auto& w : weights) w = w * w;
      tensor.auxiliary.push_back(test::encoded(Dtype::f64, weights));
      tensor.settings.models[k].auxiliary = Dtype::f64;
    }
    expect_equal(this->merged(tensor), average(tensor, Inputs<TypeParam>{tensor}));
  }
}

TYPED_TEST(Reference, Regmean) {
  for (const double alpha : {1.0, .9}) {
    for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare}) {
      auto tensor = this->random_family(3, 5, 9);
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
      expect_equal(this->merged(tensor), regmean(tensor, Inputs<TypeParam>{tensor}), this->k_near);
    }
  }
}

TYPED_TEST(Reference, SlerpAndNearswap) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    auto tensor = this->random_family(1, seed);
    tensor.settings.t = .2 * seed;
    if (seed % 2 == 0) {  // far apart, so that the sphere matters
      const auto other = this->random_family(1, seed + 10);
      tensor.models[0] =
          test::Bytes{other.models[0].begin(), other.models[0].begin() + static_cast<std::ptrdiff_t>(tensor.models[0].size())};
    }
    tensor.settings.combiner = Combiner::slerp;
    expect_equal(this->merged(tensor), slerp(tensor, Inputs<TypeParam>{tensor}));
    tensor.settings.combiner = Combiner::nearswap;
    tensor.settings.t = .001;
    expect_equal(this->merged(tensor), nearswap(tensor, Inputs<TypeParam>{tensor}));
  }
}

TYPED_TEST(Reference, ModelStock) {
  for (std::size_t models = 2; models <= 6; ++models) {
    auto tensor = this->random_family(models, static_cast<std::uint32_t>(models));
    tensor.settings.combiner = Combiner::model_stock;
    expect_equal(this->merged(tensor), model_stock(tensor, Inputs<TypeParam>{tensor}, tensor.settings.elements));
    tensor.settings.filter_wise = true;
    expect_equal(this->merged(tensor), model_stock(tensor, Inputs<TypeParam>{tensor}, tensor.settings.row));
  }
}

// Rows that begin and end within blocks of sums, and hold whole ones.
TYPED_TEST(Reference, ModelStockOfRowsLongerThanBlocksOfSums) {
  auto tensor = this->shaped({3 * 150001, 150001, 2}, 9);
  tensor.settings.combiner = Combiner::model_stock;
  tensor.settings.filter_wise = true;
  expect_equal(this->merged(tensor), model_stock(tensor, Inputs<TypeParam>{tensor}, tensor.settings.row));
  tensor.settings.elements = tensor.settings.row;  // one row alone is the whole tensor
  tensor.base.resize(tensor.base.size() / 3);
  for (auto& model : tensor.models) model.resize(model.size() / 3);
  const auto by_row = this->merged(tensor);
  tensor.settings.filter_wise = false;
  expect_equal(by_row, this->merged(tensor));
}

TYPED_TEST(Reference, Sce) {
  for (const double topk : {1.0, .6, .1, 0.0}) {
    for (std::size_t models = 1; models <= 5; models += 2) {
      auto tensor = this->random_family(models, static_cast<std::uint32_t>(models) + 3);
      tensor.settings.combiner = Combiner::sce;
      tensor.settings.select_topk = topk;
      expect_equal(this->merged(tensor), sce(tensor, Inputs<TypeParam>{tensor}));
    }
  }
}

TYPED_TEST(Reference, Karcher) {
  for (std::size_t models = 2; models <= 6; ++models) {
    auto tensor = this->random_family(models, static_cast<std::uint32_t>(models));
    tensor.settings.combiner = Combiner::karcher;
    expect_equal(this->merged(tensor), karcher(tensor, Inputs<TypeParam>{tensor}), this->k_near);
    for (std::size_t k = 0; k < models; ++k)
      tensor.models[k] = test::encoded(tensor.settings.models[k].dtype, test::deltas(tensor, k));  // far apart
    expect_equal(this->merged(tensor), karcher(tensor, Inputs<TypeParam>{tensor}), this->k_near);
  }
}

}  // namespace
}  // namespace dare::merge
