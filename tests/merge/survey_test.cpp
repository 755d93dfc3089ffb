/// Surveys by several ranks, and the selections that come of them against a sort.
#include "merge/compat.hpp"
#include "merge/family.hpp"
#include "merge/sparsifier.hpp"

#include <dare/core/error.hpp>

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::family;
using test::FamilyShape;
using test::MergeTensor;
using test::set_rates;

// Which deltas are kept, by the definition: sorted by size, lower index first among equals.
std::vector<bool> kept_by_sorting(const std::vector<double>& deltas, std::uint64_t kept, std::uint64_t outliers = 0) {
  std::vector<std::size_t> order(deltas.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return std::abs(deltas[a]) != std::abs(deltas[b]) ? std::abs(deltas[a]) > std::abs(deltas[b]) : a > b;
  });
  std::vector<bool> left(deltas.size(), true);
  for (std::uint64_t j = 0; j < outliers; ++j) left[order[j]] = false;
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return std::abs(deltas[a]) > std::abs(deltas[b]); });
  std::vector<bool> result(deltas.size());
  for (const auto i : order) {
    if (!left[i] || kept == 0) continue;
    result[i] = true;
    --kept;
  }
  return result;
}

std::vector<bool> kept_by(const ModelStatistics& statistics, const std::vector<double>& deltas, bool wide) {
  std::vector<bool> kept(deltas.size());
  for (std::size_t i = 0; i < deltas.size(); ++i)
    kept[i] = statistics.keeps(wide ? key_of(deltas[i]) : key_of(static_cast<float>(deltas[i])), i);
  return kept;
}

TEST(Survey, MagnitudeKeepsTheLargestOfATensor) {
  for (const auto dtype : {Dtype::bf16, Dtype::f16, Dtype::f32, Dtype::f64}) {
    auto tensor = family({150'000, 300, 2, dtype, 0}, 1);
    tensor.settings.sparsifier = Sparsifier::magnitude;
    set_rates(tensor, Rate::from_density(.2));
    tensor.settings.models[1].rate = Rate::from_drop(.999);
    test::SurveyCost cost;
    const auto statistics = test::survey({tensor}, 1, 50'000, &cost)[0];
    EXPECT_EQ(cost.passes, statistics_passes(tensor.settings));
    EXPECT_EQ(cost.passes, dtype == Dtype::f32 || dtype == Dtype::f64 ? 4U : 2U);
    for (const std::size_t ranks : {2U, 3U, 5U}) EXPECT_EQ(test::survey({tensor}, ranks, 30'000)[0], statistics);
    for (std::size_t k = 0; k < 2; ++k) {
      const auto deltas = test::deltas(tensor, k);
      EXPECT_EQ(kept_by(statistics.models[k], deltas, works_in_float64(tensor.settings)), kept_by_sorting(deltas, k == 0 ? 30'000 : 150));
    }
  }
}

TEST(Survey, BreadcrumbsDropsTheLargestToo) {
  for (const double step : {0.0, .0005}) {
    auto tensor = family({140'000, 140, 1, Dtype::f64, step}, 2);
    tensor.settings.sparsifier = Sparsifier::breadcrumbs;
    set_rates(tensor, Rate::from_density(.3));
    for (const double gamma : {0.0, .01, .2, .9}) {
      tensor.settings.models[0].gamma = gamma;
      const auto outliers = std::min<std::uint64_t>(static_cast<std::uint64_t>(std::floor(gamma * 140'000 + .5)), 98'000);
      const auto deltas = test::deltas(tensor, 0);
      for (const std::size_t ranks : {1U, 3U}) {
        const auto statistics = test::survey({tensor}, ranks)[0];
        EXPECT_EQ(kept_by(statistics.models[0], deltas, true), kept_by_sorting(deltas, 42'000, outliers)) << step << ", " << gamma;
      }
    }
  }
}

// One cut may lie on equal deltas for both ends: few distinct sizes.
TEST(Survey, BreadcrumbsWithinEqualDeltas) {
  auto tensor = test::worked(Dtype::f32, std::vector<double>(10, 1.0), {std::vector<double>(10, 1.5)});
  tensor.settings.sparsifier = Sparsifier::breadcrumbs;
  set_rates(tensor, Rate::from_density(.5));
  tensor.settings.models[0].gamma = .2;
  const auto statistics = test::survey({tensor}, 2)[0];
  EXPECT_EQ(kept_by(statistics.models[0], test::deltas(tensor, 0), true),
            (std::vector<bool>{true, true, true, true, true, false, false, false, false, false}));
}

std::vector<MergeTensor> model_of_three(Dtype middle, double step) {
  std::vector<MergeTensor> tensors{family({70'001, 7, 2, Dtype::bf16, step}, 3), family({66'000, 11, 2, middle, step}, 4),
                                   family({1, 1, 2, Dtype::bf16, step}, 5)};
  for (auto& tensor : tensors) {
    tensor.settings.sparsifier = Sparsifier::magnitude;
    tensor.settings.scope = Scope::model;
    set_rates(tensor, Rate::from_density(.1));
  }
  return tensors;
}

TEST(Survey, ScopeModelSelectsOverAllTensorsInOrder) {
  for (const auto middle : {Dtype::bf16, Dtype::f64}) {  // with float64 the keys of all are its
    for (const double step : {0.0, .001}) {
      const auto tensors = model_of_three(middle, step);
      std::vector<std::vector<TensorStatistics>> at;
      for (const std::size_t ranks : {1U, 2U, 3U, 5U}) at.push_back(test::survey(tensors, ranks));
      for (const auto& one : at) EXPECT_EQ(one, at[0]);
      for (std::size_t k = 0; k < 2; ++k) {
        std::vector<double> all;
        std::vector<bool> kept;
        for (std::size_t t = 0; t < tensors.size(); ++t) {
          const auto deltas = test::deltas(tensors[t], k);
          const auto own = kept_by(at[0][t].models[k], deltas, works_in_float64(tensors[t].settings));
          all.insert(all.end(), deltas.begin(), deltas.end());
          kept.insert(kept.end(), own.begin(), own.end());
        }
        EXPECT_EQ(kept, kept_by_sorting(all, 13'600));  // of 136,002
      }
    }
  }
}

TEST(Survey, NothingAndEverythingNeedNoPass) {
  auto tensor = family({1000, 10, 2, Dtype::f32, 0}, 6);
  tensor.settings.sparsifier = Sparsifier::magnitude;
  tensor.settings.models[0].rate = Rate::from_density(0);
  tensor.settings.models[1].rate = Rate::from_density(1);
  test::SurveyCost cost;
  const auto statistics = test::survey({tensor}, 2, 100, &cost)[0];
  EXPECT_EQ(cost.elements, 0U);
  EXPECT_EQ(statistics.models[0].kept, Cut::nothing());
  EXPECT_EQ(statistics.models[1].kept, Cut::everything());
}

TEST(Survey, AnEmptyTensor) {
  auto tensor = family({0, 7, 2, Dtype::f32, 0}, 6);
  tensor.settings.sparsifier = Sparsifier::magnitude;
  set_rates(tensor, Rate::from_density(.5), Rescale::l1);
  const auto statistics = test::survey({tensor}, 3)[0];
  EXPECT_EQ(statistics.models[0].l1, 1);
}

TEST(Survey, L1FactorsAreBlockwiseSums) {
  auto tensor = family({200'000, 8, 2, Dtype::bf16, 0}, 8);
  tensor.settings.sparsifier = Sparsifier::magnitude;
  set_rates(tensor, Rate::from_density(.3), Rescale::l1);
  const auto statistics = test::survey({tensor}, 1)[0];
  for (const std::size_t ranks : {2U, 3U, 5U}) EXPECT_EQ(test::survey({tensor}, ranks, 1000)[0], statistics);
  EXPECT_EQ(statistics_passes(tensor.settings), 3U);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto deltas = test::deltas(tensor, k);
    const auto kept = kept_by_sorting(deltas, 60'000);
    double all = 0;
    double of_kept = 0;
    for (std::size_t block = 0; block < deltas.size(); block += 65536) {
      double a = 0;
      double b = 0;
      for (auto i = block; i < std::min<std::size_t>(block + 65536, deltas.size()); ++i) {
        a += std::abs(deltas[i]);
        if (kept[i]) b += std::abs(deltas[i]);
      }
      all += a;
      of_kept += b;
    }
    EXPECT_EQ(statistics.models[k].l1, all / of_kept);
  }
}

// Settings of one family that are surveyed together find what each finds alone, in no more passes than one.
void expect_each_as_alone(const std::vector<MergeTensor>& tensors, const std::vector<std::vector<TensorSettings>>& variants) {
  std::vector<std::vector<const TensorSettings*>> by_tensor(tensors.size());
  for (const auto& variant : variants) {
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      EXPECT_TRUE(surveyed_together(variants[0][t], variant[t]));
      by_tensor[t].push_back(&variant[t]);
    }
  }
  std::vector<std::vector<TensorStatistics>> expected;
  unsigned passes = 0;
  for (const auto& variant : variants) {
    auto alone = tensors;
    for (std::size_t t = 0; t < tensors.size(); ++t) alone[t].settings = variant[t];
    test::SurveyCost of_one;
    expected.push_back(test::survey(alone, 1, 40'000, &of_one));
    passes = std::max(passes, of_one.passes);
  }
  for (const std::size_t ranks : {1U, 2U, 3U}) {
    test::SurveyCost cost;
    EXPECT_EQ(test::survey_together(tensors, by_tensor, ranks, 40'000, &cost), expected);
    EXPECT_LE(cost.passes, passes + 1);  // the blocks in which cuts lie among equal deltas may be all of these few
  }
}

TEST(Survey, SettingsTogetherFindWhatEachFindsAlone) {
  for (const double step : {0.0, .001}) {  // with steps cuts lie among equal deltas
    for (const auto dtype : {Dtype::bf16, Dtype::f32}) {
      for (const auto sparsifier : {Sparsifier::magnitude, Sparsifier::breadcrumbs}) {
        const auto tensor = family({140'000, 140, 2, dtype, step}, 21);
        std::vector<std::vector<TensorSettings>> variants;
        for (const double density : {.0, .1, .11, .5, .5, 1.0, .9}) {
          auto one = tensor;
          one.settings.sparsifier = sparsifier;
          set_rates(one, Rate::from_density(density));
          one.settings.models[1].rate = Rate::from_drop(density / 2);
          one.settings.models[0].gamma = density / 9;
          one.settings.models[1].gamma = .03;
          one.settings.lambda = density;
          one.settings.seed = variants.size();
          variants.push_back({one.settings});
        }
        expect_each_as_alone({tensor}, variants);
        variants.front()[0].models[1].rescale = Rescale::l1;  // with a pass of its own
        variants.back()[0].models[0].rescale = Rescale::l1;
        expect_each_as_alone({tensor}, variants);
      }
    }
  }
}

TEST(Survey, SettingsTogetherOverAllTensors) {
  const auto tensors = model_of_three(Dtype::f64, .001);
  std::vector<std::vector<TensorSettings>> variants;
  for (const double density : {.1, .3, .99}) {
    auto& variant = variants.emplace_back();
    for (auto tensor : tensors) {
      set_rates(tensor, Rate::from_density(density));
      variant.push_back(tensor.settings);
    }
  }
  expect_each_as_alone(tensors, variants);
}

TEST(Survey, SettingsOfOneCombinerTogether) {
  const auto tensor = family({140'000, 140, 2, Dtype::bf16, 0}, 22);
  std::vector<std::vector<TensorSettings>> variants;
  for (const double share : {.1, .7, 1.0}) {
    auto settings = tensor.settings;
    settings.combiner = Combiner::sce;
    settings.select_topk = share;
    variants.push_back({settings});
  }
  expect_each_as_alone({tensor}, variants);
}

TEST(Survey, WhatSettingsShare) {
  auto settings = family({1000, 10, 2, Dtype::bf16, 0}, 23).settings;
  settings.sparsifier = Sparsifier::magnitude;
  const auto with = [&](auto change) {
    auto other = settings;
    change(other);
    return std::pair{equally_surveyed(settings, other), surveyed_together(settings, other)};
  };
  const std::pair equal{true, true};
  const std::pair together{false, true};
  const std::pair apart{false, false};
  EXPECT_EQ(with([](auto& s) { s.lambda = 3; }), equal);
  EXPECT_EQ(with([](auto& s) { s.out_dtype = Dtype::f32; }), equal);
  EXPECT_EQ(with([](auto& s) { s.models[1].weight = 3; }), equal);
  EXPECT_EQ(with([](auto& s) { s.seed += 1; }), equal);
  EXPECT_EQ(with([](auto& s) { s.models[1].rate = Rate::from_drop(.3); }), together);
  EXPECT_EQ(with([](auto& s) { s.models[1].rescale = Rescale::l1; }), together);
  EXPECT_EQ(with([](auto& s) { s.models[1].elements = 500; }), apart);
  EXPECT_EQ(with([](auto& s) { s.base_elements = 500; }), apart);
  EXPECT_EQ(with([](auto& s) { s.compat = Compat::mergekit; }), apart);
  EXPECT_EQ(with([](auto& s) { s.scope = Scope::model; }), apart);
  EXPECT_EQ(with([](auto& s) { s.sparsifier = Sparsifier::breadcrumbs; }), apart);
  settings.models[0].rescale = Rescale::l1;
  EXPECT_EQ(with([](auto& s) { s.seed += 1; }), together);
  settings.combiner = Combiner::slerp;  // whose sums are of what the models are worth
  EXPECT_EQ(with([](auto& s) { s.lambda = 3; }), together);
}

TEST(Survey, MergekitCounts) {
  auto tensor = family({1000, 10, 1, Dtype::f64, 0}, 9);
  tensor.settings.compat = Compat::mergekit;
  tensor.settings.sparsifier = Sparsifier::magnitude;
  const auto kept = [&](double density) {
    set_rates(tensor, Rate::from_density(density));
    const auto statistics = test::survey({tensor}, 1)[0];
    const auto mask = kept_by(statistics.models[0], test::deltas(tensor, 0), true);
    return std::count(mask.begin(), mask.end(), true);
  };
  EXPECT_EQ(kept(.0005), 1);
  EXPECT_EQ(kept(.2999), 299);
  EXPECT_EQ(kept(0), 0);
  EXPECT_EQ(kept(1), 1000);
}

}  // namespace
}  // namespace dare::merge
