/// The identities of semantics.md 4 over random families.
#include "merge/family.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::family;
using test::MergeTensor;

constexpr Dtype k_dtypes[]{Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2};

// Families of any shape and type with 1 to 8 models, some of them of another type than the base's.
std::vector<MergeTensor> families() {
  std::mt19937 engine{17};
  std::vector<MergeTensor> all;
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    const auto row = 1 + engine() % 67;
    auto tensor = family({row * (engine() % 90), row, 1 + seed % 8, k_dtypes[seed % 6], 0}, seed);
    if (seed % 5 == 4) {
      auto& term = tensor.settings.models.front();
      const auto other = term.dtype == Dtype::f16 ? Dtype::f32 : Dtype::f16;
      tensor.models.front() = test::encoded(other, test::decoded(term.dtype, tensor.models.front()));
      term.dtype = other;
    }
    all.push_back(std::move(tensor));
  }
  return all;
}

template <class Check>
void for_each_combination(Check check) {
  for (const auto& one : families()) {
    for (const auto combiner : {Combiner::task_arithmetic, Combiner::ties}) {
      auto tensor = one;
      tensor.settings.combiner = combiner;
      tensor.settings.normalize = combiner == Combiner::ties;
      check(tensor);
    }
  }
}

TEST(Identities, RateZeroIsNoDare) {
  for_each_combination([](MergeTensor tensor) {
    const auto whole = test::merge_all_ways(tensor);
    tensor.settings.sparsifier = Sparsifier::dare;
    test::set_rates(tensor, Rate::from_drop(0), Rescale::expected);
    EXPECT_EQ(test::merge_all_ways(tensor).bytes, whole.bytes);
    test::set_rates(tensor, Rate::from_density(1), Rescale::l1);
    EXPECT_EQ(test::merge_all_ways(tensor).bytes, whole.bytes);
    for (const auto sparsifier : {Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della}) {
      tensor.settings.sparsifier = sparsifier;
      EXPECT_EQ(test::merge_all_ways(tensor).bytes, whole.bytes);
    }
  });
}

TEST(Identities, LambdaZeroRateOneOrNoDeltaIsTheBase) {
  for_each_combination([](MergeTensor tensor) {
    const auto of = [&](double lambda, double drop) {
      tensor.settings.lambda = lambda;
      test::set_rates(tensor, Rate::from_drop(drop), Rescale::expected);
      return test::merge_all_ways(tensor).bytes;
    };
    for (const auto sparsifier : {Sparsifier::dare, Sparsifier::magnitude, Sparsifier::breadcrumbs}) {
      tensor.settings.sparsifier = sparsifier;
      EXPECT_EQ(of(0, .5), tensor.base);
      EXPECT_EQ(of(1, 1), tensor.base);
    }
    for (std::size_t k = 0; k < tensor.models.size(); ++k) {
      tensor.models[k] = tensor.base;
      tensor.settings.models[k].dtype = tensor.settings.base_dtype;
    }
    EXPECT_EQ(of(1, .5), tensor.base);
    // Averages too where no delta is formed: else a base of -0 becomes -0 + 0.
    tensor.settings.combiner = Combiner::average;
    tensor.settings.sparsifier = Sparsifier::none;
    EXPECT_EQ(of(1, 0), tensor.base);
  });
}

TEST(Identities, MasksNestInTheRate) {
  auto tensor = family({20'000, 20, 1, Dtype::f64, 0}, 3);
  tensor.settings.sparsifier = Sparsifier::dare;
  const auto moved = [&](double p) {
    test::set_rates(tensor, Rate::from_drop(p));
    const auto bytes = test::merge_all_ways(tensor).bytes;
    const auto values = test::decoded(Dtype::f64, bytes);
    const auto base = test::decoded(Dtype::f64, tensor.base);
    std::vector<bool> kept(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) kept[i] = values[i] != base[i];
    return kept;
  };
  auto before = moved(.1);
  for (const double p : {.3, .5, .9, .99}) {
    const auto now = moved(p);
    for (std::size_t i = 0; i < now.size(); ++i) ASSERT_FALSE(now[i] && !before[i]);
    before = now;
  }
}

TEST(Identities, MeanAndVarianceOfWhatIsLeft) {
  const std::size_t n = 200'000;
  auto tensor = test::worked(Dtype::f64, std::vector<double>(n, 0), {std::vector<double>(n, 1)});
  tensor.settings.sparsifier = Sparsifier::dare;
  const double p = .9;
  test::set_rates(tensor, Rate::from_drop(p), Rescale::expected);
  const auto values = test::decoded(Dtype::f64, test::merge_all_ways(tensor).bytes);
  double sum = 0;
  double squares = 0;
  for (const auto x : values) {
    sum += x;
    squares += (x - 1) * (x - 1);
  }
  const auto deviation = std::sqrt(p / (1 - p));
  EXPECT_NEAR(sum / n, 1, 4 * deviation / std::sqrt(n));
  EXPECT_NEAR(squares / n, p / (1 - p), .25);  // about four of its standard deviations
}

TEST(Identities, TheModelsOfOtherStreamsAreDroppedIndependently) {
  const std::size_t n = 100'000;
  auto tensor = test::worked(Dtype::f64, std::vector<double>(n, 0), {std::vector<double>(n, 1), std::vector<double>(n, 2)});
  tensor.settings.sparsifier = Sparsifier::dare;
  test::set_rates(tensor, Rate::from_drop(.6));
  const auto values = test::decoded(Dtype::f64, test::merge_all_ways(tensor).bytes);
  const auto both = static_cast<double>(std::count(values.begin(), values.end(), 3.0)) / n;
  EXPECT_NEAR(both, .16, 4 * std::sqrt(.16 * .84 / n));
}

}  // namespace
}  // namespace dare::merge
