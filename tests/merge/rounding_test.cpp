/// Stochastic rounding, swallowed deltas, and what is reported about values that are not finite or do not fit.
#include "merge/family.hpp"
#include "merge/finish.hpp"

#include <dare/random/drop_stream.hpp>

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::worked;

TEST(StochasticRounding, TakesTheDiscardedBits) {
  const auto value = std::bit_cast<float>(0x3F804000U);  // a quarter of the way from 3F80 to 3F81
  EXPECT_EQ(encode_stochastic(Dtype::bf16, value, 0x3FFF).bits, 0x3F81U);
  EXPECT_EQ(encode_stochastic(Dtype::bf16, value, 0x4000).bits, 0x3F80U);
  EXPECT_EQ(encode_stochastic(Dtype::bf16, -value, 0x3FFF).bits, 0xBF81U);
  EXPECT_EQ(encode_stochastic(Dtype::bf16, -value, 0x4000).bits, 0xBF80U);
  EXPECT_EQ(encode_stochastic(Dtype::bf16, 1.0F, 0).bits, 0x3F80U);  // nothing is discarded
  // float16 discards 13 bits of a normal number: here 0x1000 of 0x2000.
  const auto half = std::bit_cast<float>(0x3F801000U);
  EXPECT_EQ(encode_stochastic(Dtype::f16, half, 0x7FFF).bits, 0x3C01U);
  EXPECT_EQ(encode_stochastic(Dtype::f16, half, 0x8000).bits, 0x3C00U);
  EXPECT_EQ(encode_stochastic(Dtype::f16, std::ldexp(1.0F, -26), 0x3FFF).bits, 0x0001U);  // a quarter of the smallest
  EXPECT_EQ(encode_stochastic(Dtype::f16, std::ldexp(1.0F, -26), 0x4000).bits, 0x0000U);
}

TEST(StochasticRounding, OverflowsOnlyUpwards) {
  const auto up = encode_stochastic(Dtype::f16, 65505.0F, 0x07FF);  // 1/32 of the step beyond the largest
  EXPECT_TRUE(up.overflow);
  EXPECT_EQ(up.bits, 0x7C00U);
  const auto down = encode_stochastic(Dtype::f16, 65505.0F, 0x0800);
  EXPECT_FALSE(down.overflow);
  EXPECT_EQ(down.bits, 0x7BFFU);
  EXPECT_TRUE(encode_stochastic(Dtype::f16, 1e9F, 0xFFFF).overflow);
}

TEST(StochasticRounding, EveryBitOfBfloat16) {
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const auto bits = i * 214'013U + 2'531'011U;
    const auto value = std::bit_cast<float>(bits);
    const auto draw = static_cast<std::uint16_t>(i * 40'503U);
    if (!std::isfinite(value)) continue;
    const auto expected = (bits >> 16U) + (draw < (bits & 0xFFFFU) ? 1U : 0U);
    ASSERT_EQ(encode_stochastic(Dtype::bf16, value, draw).bits, expected) << std::hex << bits;
  }
}

TEST(StochasticRounding, DrawsItsOwnStreamAndKeepsTheMean) {
  // 1 + 2^-9: a quarter of bfloat16's step; nearest swallows every one.
  const std::size_t n = 40'000;
  auto tensor = worked(Dtype::bf16, std::vector<double>(n, 1), {std::vector<double>(n, 1)});
  tensor.settings.models[0].source = Source::delta;
  tensor.models[0] = test::encoded(Dtype::f32, std::vector<double>(n, std::ldexp(1.0, -9)));
  EXPECT_EQ(test::merge_all_ways(tensor).counts.swallowed, n);
  tensor.settings.rounding = Rounding::stochastic;
  tensor.settings.seed = 5;
  const auto merged = test::merge_all_ways(tensor);
  const auto values = test::decoded(Dtype::bf16, merged.bytes);
  const random::DropStream stream{5, ~std::uint64_t{0}, "w"};
  std::uint64_t up = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const bool rounds_up = stream.uniform(i) >> 16U < 0x4000;
    ASSERT_EQ(values[i], rounds_up ? 1.0078125 : 1.0) << i;
    up += rounds_up ? 1 : 0;
  }
  EXPECT_EQ(merged.counts.swallowed, n - up);
  EXPECT_NEAR(static_cast<double>(up), n / 4.0, 4 * std::sqrt(n * .25 * .75));
}

TEST(Swallowed, CountsChangesThatRoundingLost) {
  // 2^-9 is lost on 1, kept on 2^-3; no delta is nothing lost.
  auto tensor = worked(Dtype::bf16, {1, .125, 1, 1}, {{1, .125, 1, 1}});
  tensor.settings.models[0].source = Source::delta;
  tensor.models[0] = test::encoded(Dtype::f32, {std::ldexp(1.0, -9), std::ldexp(1.0, -9), 0, .5});
  for (const auto combiner : {Combiner::task_arithmetic, Combiner::ties, Combiner::average}) {
    tensor.settings.combiner = combiner;
    const auto merged = test::merge_all_ways(tensor);
    EXPECT_EQ(merged.counts.swallowed, 1U);
    EXPECT_EQ(merged.counts.merged, 4U);
  }
}

TEST(Swallowed, MethodsThatMoveEveryElementCountOnlyDifferences) {
  auto tensor = worked(Dtype::f64, {1, 2, 3}, {{1, 2, 3}});
  for (const auto combiner : {Combiner::slerp, Combiner::nearswap, Combiner::karcher}) {
    tensor.settings.combiner = combiner;
    EXPECT_EQ(test::merge_all_ways(tensor).counts.swallowed, 0U);
  }
}

TEST(Findings, TheLowestIndexThenTheFirstModel) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto inf = std::numeric_limits<double>::infinity();
  std::vector<double> base(5000, 1);
  auto first = base;
  auto second = base;
  first[4000] = nan;
  second[3000] = inf;
  second[4000] = inf;
  for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude, Sparsifier::della}) {
    auto tensor = worked(Dtype::f32, base, {first, second});
    tensor.settings.sparsifier = sparsifier;
    test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : 1));  // dropped or not
    const auto statistics = test::survey({tensor}, 1);
    const auto finding = test::merge_pieces(tensor, statistics[0], 1).finding;
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->index, 3000U);
    EXPECT_EQ(finding->model, 1);
    EXPECT_EQ(finding->value, inf);
  }
  second[3000] = 1;
  const auto finding = test::merge_pieces(worked(Dtype::f32, base, {first, second}), {}, 1).finding;
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->index, 4000U);
  EXPECT_EQ(finding->model, 0);
}

TEST(Findings, FisherWeightsAreInputsToo) {
  auto tensor = worked(Dtype::f32, {1, 1}, {{2, 2}});
  tensor.settings.combiner = Combiner::fisher;
  tensor.auxiliary = {test::encoded(Dtype::f32, {1, std::numeric_limits<double>::quiet_NaN()})};
  const auto finding = test::merge_pieces(tensor, {}, 1).finding;
  ASSERT_TRUE(finding);
  EXPECT_TRUE(finding->auxiliary);
  EXPECT_EQ(finding->index, 1U);
}

TEST(Findings, OverflowIsAnErrorOrTheLargest) {
  auto tensor = worked(Dtype::f16, {60000, -60000}, {{65000, -65000}});
  tensor.settings.models[0].weight = 3;
  for (const auto combiner : {Combiner::task_arithmetic, Combiner::ties}) {
    tensor.settings.combiner = combiner;
    tensor.settings.overflow = Overflow::error;
    const auto finding = test::merge_pieces(tensor, {}, 1).finding;
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->kind, Finding::Kind::overflow);
    tensor.settings.overflow = Overflow::saturate;
    EXPECT_EQ(test::decoded(Dtype::f16, test::merge_all_ways(tensor).bytes), (std::vector<double>{65504, -65504}));
  }
}

// What is dropped has no say in the result, so the result's overflow is one.
TEST(Finish, ADroppedNanHidesNoOverflow) {
  for (const auto nonfinite : {std::nan(""), static_cast<double>(INFINITY)}) {
    auto tensor = test::worked(Dtype::f16, {60000, 1}, {{65504, 1}, {nonfinite, 1}});
    auto& settings = tensor.settings;
    settings.sparsifier = Sparsifier::dare;
    settings.nonfinite = Nonfinite::keep;
    settings.models[0].weight = 3;
    settings.models[1].rate = Rate::from_drop(1);
    const auto finding = test::merge_pieces(tensor, {}, 1).finding;
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->kind, Finding::Kind::overflow);
    EXPECT_EQ(finding->value, 76512);
    settings.overflow = Overflow::saturate;
    const auto saturated = test::merge_all_ways(tensor);
    EXPECT_FALSE(saturated.finding);
    EXPECT_EQ(test::decoded(Dtype::f16, saturated.bytes), (std::vector<double>{65504, 1}));
    settings.models[1].rate = Rate::from_drop(0);  // kept, it makes the result what it is
    settings.overflow = Overflow::error;
    EXPECT_FALSE(test::merge_all_ways(tensor).finding);
  }
}

}  // namespace
}  // namespace dare::merge
