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

constexpr Sparsifier k_droppers[]{Sparsifier::dare, Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della};

// Families of any shape and type with 1 to 8 models, some of them of another type than the base's, half with many equal deltas.
std::vector<MergeTensor> families() {
  std::mt19937 engine{17};
  std::vector<MergeTensor> all;
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    const auto row = 1 + engine() % 67;
    auto tensor = family({row * (engine() % 90), row, 1 + seed % 8, k_dtypes[seed % 6], seed / 8 % 2 == 0 ? 0 : .001}, seed);
    for (auto& term : tensor.settings.models) term.gamma = .03;
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
    for (const auto sparsifier : k_droppers) {
      tensor.settings.sparsifier = sparsifier;
      EXPECT_EQ(of(0, .5), tensor.base);
      EXPECT_EQ(of(1, 1), tensor.base);
    }
    for (std::size_t k = 0; k < tensor.models.size(); ++k) {
      tensor.models[k] = tensor.base;
      tensor.settings.models[k].dtype = tensor.settings.base_dtype;
    }
    for (const auto sparsifier : k_droppers) {
      tensor.settings.sparsifier = sparsifier;
      for (auto& term : tensor.settings.models) term.epsilon = .2;
      EXPECT_EQ(of(1, .5), tensor.base);
      for (auto& term : tensor.settings.models) term.rescale = Rescale::l1;
      EXPECT_EQ(test::merge_all_ways(tensor).bytes, tensor.base);
    }
    // Averages too where no delta is formed: else a base of -0 becomes -0 + 0.
    tensor.settings.combiner = Combiner::average;
    tensor.settings.sparsifier = Sparsifier::none;
    EXPECT_EQ(of(1, 0), tensor.base);
  });
}

// Which elements of a model whose every delta shows are kept.
std::vector<bool> moved(MergeTensor& tensor, const Rate& rate) {
  test::set_rates(tensor, rate);
  const auto values = test::decoded(tensor.settings.out_dtype, test::merge_all_ways(tensor).bytes);
  const auto base = test::decoded(tensor.settings.base_dtype, tensor.base);
  std::vector<bool> kept(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) kept[i] = values[i] != base[i];
  return kept;
}

// Of selections too, among deltas of ten sizes as well. (Not of breadcrumbs: the fewer it drops, the more of the largest may stay.)
TEST(Identities, MasksNestInTheRate) {
  for (const auto sparsifier : {Sparsifier::dare, Sparsifier::magnitude, Sparsifier::della}) {
    for (const bool ties : {false, true}) {
      auto tensor = family({20'000, 20, 1, Dtype::f64, 0}, 3);
      if (ties) {
        auto delta = test::deltas(tensor, 0);
        for (auto& d : delta) d = .25 + (std::floor(d * 512) + .5) / 512;  // never 0
        tensor.models[0] = test::encoded(Dtype::f64, delta);
        tensor.base = test::encoded(Dtype::f64, std::vector<double>(delta.size(), .25));
      }
      tensor.settings.sparsifier = sparsifier;
      tensor.settings.models[0].epsilon = .1;
      auto before = moved(tensor, Rate::from_drop(.1));
      for (const double p : {.3, .5, .9, .99}) {
        const auto now = moved(tensor, Rate::from_drop(p));
        for (std::size_t i = 0; i < now.size(); ++i) ASSERT_FALSE(now[i] && !before[i]);
        before = now;
      }
    }
  }
}

TEST(Identities, SelectionsKeepTheirCountWhateverTheTies) {
  const std::uint64_t n = 4321;
  std::mt19937 engine{5};
  for (const std::uint32_t sizes : {1U, 2U, 9U, 5000U}) {
    for (const auto dtype : {Dtype::f64, Dtype::bf16}) {
      std::vector<double> tuned(n);
      for (auto& f : tuned) f = (engine() % 2 == 0 ? 1 : -1) * static_cast<double>(1 + engine() % sizes) / 512;
      auto tensor = test::worked(dtype, std::vector<double>(n, 0), {tuned});
      tensor.settings.out_dtype = Dtype::f64;
      for (const auto sparsifier : {Sparsifier::magnitude, Sparsifier::breadcrumbs}) {
        tensor.settings.sparsifier = sparsifier;
        for (const double gamma : {0.0, .01, .4, 1.0}) {
          tensor.settings.models[0].gamma = gamma;
          for (const auto& rate :
               {Rate::from_drop(1), Rate::from_drop(.37), Rate::from_density(1 / 3.0), Rate::from_density(1e-4), Rate::from_drop(0)}) {
            const auto kept = moved(tensor, rate);
            EXPECT_EQ(static_cast<std::uint64_t>(std::count(kept.begin(), kept.end(), true)), rate.kept_of(n));
          }
        }
      }
    }
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
  for (std::size_t models = 2; models <= 8; ++models) {
    std::vector<std::vector<double>> tuned;
    for (std::size_t k = 0; k < models; ++k) tuned.emplace_back(n, static_cast<double>(1U << k));
    auto tensor = test::worked(Dtype::f64, std::vector<double>(n, 0), tuned);
    tensor.settings.sparsifier = Sparsifier::dare;
    double expected = 1;
    for (std::size_t k = 0; k < models; ++k) {
      const auto p = .6 - .05 * static_cast<double>(k);
      tensor.settings.models[k].rate = Rate::from_drop(p);
      expected *= 1 - p;
    }
    const auto values = test::decoded(Dtype::f64, test::merge_all_ways(tensor).bytes);
    const auto all = static_cast<double>(std::count(values.begin(), values.end(), static_cast<double>((1U << models) - 1))) / n;
    EXPECT_NEAR(all, expected, 4 * std::sqrt(expected * (1 - expected) / n)) << models << " models";
  }
}

}  // namespace
}  // namespace dare::merge
