/// Explanations are the truth: their output is the merge's, and their parts add up to it.
#include "merge/explain.hpp"

#include "merge/family.hpp"

#include <dare/random/drop_stream.hpp>

#include <functional>
#include <map>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::HeldRun;
using test::MergeTensor;

double fact(const std::vector<Fact>& facts, std::string_view name) {
  for (const auto& one : facts) {
    if (one.name == name) return one.value;
  }
  ADD_FAILURE() << "no fact \"" << name << '"';
  return std::nan("");
}

/// An explanation in the arithmetic of W.
template <class W>
struct Parts {
  const MergeTensor& tensor;
  const Explanation& of;

  [[nodiscard]] W base() const { return static_cast<W>(of.base_value); }
  [[nodiscard]] W all(std::string_view name) const { return static_cast<W>(fact(of.facts, name)); }
  [[nodiscard]] W part(const ExplainedModel& model, std::string_view name) const { return static_cast<W>(fact(model.facts, name)); }

  // What the facts come to, from the models' values and factors alone.
  [[nodiscard]] W total() const {
    const auto& settings = tensor.settings;
    W sum = settings.combiner == Combiner::task_arithmetic ? W{-0.0} : W{0};
    W weights = 0;
    for (const auto& model : of.models) {
      if (!model.present) continue;
      const auto delta = static_cast<W>(model.delta);
      const auto tuned = static_cast<W>(model.tuned);
      switch (settings.combiner) {
        case Combiner::task_arithmetic:
          if (model.kept) sum += part(model, "c") * delta;
          break;
        case Combiner::ties:
          if (part(model, "elected") != 0) sum += part(model, "t");
          break;
        case Combiner::average:
          sum += part(model, "w") * part(model, "x");
          break;
        case Combiner::fisher:
          sum += part(model, "c") * part(model, "x");
          weights += part(model, "c");
          break;
        case Combiner::karcher:
          sum += part(model, "c") * tuned;
          break;
        case Combiner::model_stock:
          sum += tuned;
          break;
        case Combiner::sce:
          if (part(model, "elected") != 0) {
            sum += delta * part(model, "w");
            weights += part(model, "w");
          }
          break;
        case Combiner::slerp:
          sum = all("c of B") * base() + part(model, "c") * tuned;
          break;
        case Combiner::nearswap:
          sum = part(model, "w") * tuned + all("1 - w") * base();
          break;
        case Combiner::regmean:
          break;
      }
    }
    switch (settings.combiner) {
      case Combiner::task_arithmetic:
        return base() + sum;
      case Combiner::ties:
        return base() + all("lambda") * (settings.normalize && part_den() != 0 ? sum / part_den() : sum);
      case Combiner::average:
        return sum / all("sum of w");
      case Combiner::fisher:
        return sum / weights;
      case Combiner::model_stock:
        return all("t") * (sum / static_cast<W>(of.models.size())) + all("1 - t") * base();
      case Combiner::sce:
        return base() + (all("selected") != 0 ? sum / std::max(weights, static_cast<W>(1e-6)) : W{0});
      default:
        return sum;
    }
  }
  [[nodiscard]] W part_den() const { return part(of.models.back(), "den"); }
};

template <class W>
void check_model(const MergeTensor& tensor, const Explanation& of, std::size_t k, std::uint64_t element) {
  const auto& model = of.models[k];
  const auto& term = tensor.settings.models[k];
  ASSERT_EQ(model.present, element < term.elements);
  if (!model.present) return;
  EXPECT_EQ(model.stored->value, test::decoded(term.dtype, tensor.models[k])[element]);
  EXPECT_EQ(model.tuned, model.stored->value);
  EXPECT_EQ(static_cast<W>(model.delta), static_cast<W>(model.tuned) - static_cast<W>(of.base_value));
  if (model.draw && !model.draw->uniform) {
    EXPECT_EQ(model.draw->u, (random::DropStream{tensor.settings.seed, term.stream, "w"}.uniform(element)));
    EXPECT_EQ(model.draw->threshold, random::drop_threshold(model.draw->rate));
    EXPECT_EQ(model.kept, model.draw->u >= model.draw->threshold);
  }
  if (model.draw && model.draw->uniform) {
    EXPECT_EQ(*model.draw->uniform, static_cast<float>(model.draw->u) * 0x1p-24F);
    EXPECT_EQ(model.kept, *model.draw->uniform >= static_cast<float>(term.rate.drop));
  }
}

template <class W>
void check(const MergeTensor& tensor, const Explanation& of, std::uint64_t element) {
  for (std::size_t k = 0; k < of.models.size(); ++k) check_model<W>(tensor, of, k, element);
  const bool any = std::any_of(of.models.begin(), of.models.end(), [](const auto& model) { return model.present; });
  if (of.origin == Origin::base) {
    EXPECT_EQ(of.result, of.base_value);
  } else if (tensor.settings.combiner != Combiner::regmean && any && tensor.settings.compat != Compat::mergelm) {
    EXPECT_EQ(of.result, static_cast<double>((Parts<W>{tensor, of}.total())));
  }
  if (!of.rounding_draw && !(of.base && of.origin == Origin::base)) {
    EXPECT_EQ(of.output.bits, encode(tensor.settings.out_dtype, of.result).bits);
  }
}

/// Every element of a tensor, whose merge as a whole is the judge.
void check_all(const MergeTensor& tensor) {
  const auto statistics = test::survey({tensor}, 1)[0];
  const auto merged = test::merge_pieces(tensor, statistics, 1);
  ASSERT_FALSE(merged.finding);
  const auto size = info(tensor.settings.out_dtype).bits / 8;
  std::size_t computed = 0;
  for (std::uint64_t e = 0; e < tensor.settings.elements && !testing::Test::HasFailure(); ++e) {
    SCOPED_TRACE(e);
    const auto of = explain(tensor.settings, statistics, HeldRun{tensor, {e, 1}}.run());
    ASSERT_FALSE(of.finding);
    std::uint64_t bits = 0;
    std::memcpy(&bits, merged.bytes.data() + e * size, size);
    EXPECT_EQ(of.output.bits, bits);
    if (of.wide) check<double>(tensor, of, e);
    else check<float>(tensor, of, e);
    if (of.origin == Origin::computed) ++computed;
  }
  EXPECT_GT(computed, 0U);
}

MergeTensor of_family(Dtype dtype, std::size_t models, std::uint32_t seed) {
  test::FamilyShape shape;
  shape.elements = 300;
  shape.models = models;
  shape.dtype = dtype;
  return test::family(shape, seed);
}

TEST(Explain, EveryMethodAddsUp) {
  for (const auto& method : methods()) {
    for (const auto dtype : {Dtype::f32, Dtype::bf16, Dtype::f64}) {
      SCOPED_TRACE(std::string{method.name} + " " + std::string{name(dtype)});
      auto tensor = of_family(dtype, std::min<std::size_t>(method.most_models, 3), 11);
      auto& settings = tensor.settings;
      settings.sparsifier = method.sparsifier;
      settings.combiner = method.combiner;
      settings.normalize = method.normalize;
      settings.lambda = .75;
      settings.select_topk = .5;
      settings.t = method.combiner == Combiner::nearswap ? .001 : .3;
      test::set_rates(tensor, Rate::from_drop(method.sparsifier == Sparsifier::none ? 0 : .5), method.rescale);
      for (auto& term : settings.models) {
        term.gamma = .1;
        term.epsilon = .4;
        term.auxiliary = Dtype::f32;
      }
      if (auxiliary(method) == Auxiliary::fisher) {
        for (std::size_t k = 0; k < settings.models.size(); ++k) {
          std::vector<double> weights(settings.elements);
          for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<double>((i * 7 + k * 13) % 10);
          tensor.auxiliary.push_back(test::encoded(Dtype::f32, weights));
        }
      }
      if (auxiliary(method) == Auxiliary::gram) {
        const auto d = settings.row;
        for (std::size_t k = 0; k < settings.models.size(); ++k) {
          std::vector<double> gram(d * d);
          for (std::size_t i = 0; i < d; ++i) gram[i * d + i] = static_cast<double>(1 + (i + k) % 3);
          tensor.auxiliary.push_back(test::encoded(Dtype::f32, gram));
        }
      }
      check_all(tensor);
    }
  }
}

TEST(Explain, RescaleByL1AndOtherOptions) {
  auto tensor = of_family(Dtype::f32, 3, 5);
  tensor.settings.sparsifier = Sparsifier::magnitude;
  tensor.settings.combiner = Combiner::ties;
  tensor.settings.sign = Sign::unweighted;
  test::set_rates(tensor, Rate::from_density(.3), Rescale::l1);
  check_all(tensor);
  tensor.settings.combiner = Combiner::task_arithmetic;
  tensor.settings.normalize = true;
  tensor.settings.sparsifier = Sparsifier::dare;
  check_all(tensor);
  tensor.settings.compat = Compat::mergekit;
  check_all(tensor);
  tensor = of_family(Dtype::bf16, 2, 6);
  tensor.settings.combiner = Combiner::model_stock;
  tensor.settings.filter_wise = true;
  check_all(tensor);
}

TEST(Explain, RowsThatModelsAddAndModelsThatLackThem) {
  auto tensor = of_family(Dtype::bf16, 3, 7);
  tensor.settings.sparsifier = Sparsifier::dare;
  tensor.settings.base_elements = 250;
  tensor.settings.models[0].elements = 200;
  tensor.settings.models[2].elements = 250;
  test::set_rates(tensor, Rate::from_drop(.5), Rescale::expected);
  check_all(tensor);
  tensor.settings.sparsifier = Sparsifier::della;
  check_all(tensor);
}

TEST(Explain, MergelmDrawsFromTheOneStream) {
  auto tensor = of_family(Dtype::f32, 2, 8);
  tensor.settings.sparsifier = Sparsifier::dare;
  tensor.settings.compat = Compat::mergelm;
  test::set_rates(tensor, Rate::from_drop(.5), Rescale::expected);
  tensor.settings.models[1].first_draw = 1000;
  check_all(tensor);
  const auto of = explain(tensor.settings, {}, HeldRun{tensor, {17, 1}}.run());
  const auto base = static_cast<float>(of.base_value);
  EXPECT_EQ(static_cast<float>(of.result), base + static_cast<float>(fact(of.facts, "lambda") * fact(of.models[1].facts, "sum")));
}

TEST(Explain, RoundingOtherThanToNearest) {
  auto tensor = of_family(Dtype::bf16, 2, 9);
  tensor.settings.rounding = Rounding::stochastic;
  check_all(tensor);
  const auto run = HeldRun{tensor, {3, 1}};
  const auto of = explain(tensor.settings, {}, run.run());
  ASSERT_TRUE(of.rounding_draw);
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(of.result));
  EXPECT_EQ(of.output.bits, (bits >> 16U) + (*of.rounding_draw < (bits & 0xFFFFU) ? 1 : 0));
}

TEST(Explain, WhatAMergeStopsAt) {
  auto tensor = test::worked(Dtype::f32, {1, 2}, {{3, std::numeric_limits<double>::infinity()}});
  EXPECT_FALSE(explain(tensor.settings, {}, HeldRun{tensor, {0, 1}}.run()).finding);
  const auto of = explain(tensor.settings, {}, HeldRun{tensor, {1, 1}}.run());
  ASSERT_TRUE(of.finding);
  EXPECT_EQ(of.finding->index, 1U);
  EXPECT_EQ(of.finding->model, 0);
  EXPECT_EQ(of.models[0].delta, std::numeric_limits<double>::infinity());
}

// 1 + .5 * (3 - 1), by hand, with all its numbers.
TEST(Explain, AWorkedExample) {
  auto tensor = test::worked(Dtype::f32, {1}, {{3}});
  tensor.settings.models[0].weight = .5;
  const auto of = explain(tensor.settings, {}, HeldRun{tensor, {0, 1}}.run());
  EXPECT_FALSE(of.finding);
  EXPECT_EQ(of.base->bits, 0x3F800000U);
  EXPECT_EQ(of.models[0].stored->bits, 0x40400000U);
  EXPECT_EQ(of.models[0].facts, (std::vector<Fact>{{"w", .5}, {"c", .5}, {"c*delta", 1}, {"sum", 1}}));
  EXPECT_EQ(of.facts, (std::vector<Fact>{{"lambda", 1}, {"sum", 1}, {"B + sum", 2}}));
  EXPECT_EQ(of.result, 2);
  EXPECT_EQ(of.output.bits, 0x40000000U);
}

}  // namespace
}  // namespace dare::merge
