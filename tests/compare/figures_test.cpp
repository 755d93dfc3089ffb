#include "compare/delta.hpp"
#include "compare/difference.hpp"
#include "compare/fitness.hpp"
#include "compare/pairs.hpp"
#include "merge/convert.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace dare::compare {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::byte> stored(Dtype dtype, const std::vector<double>& values) {
  const auto size = info(dtype).bits / 8;
  std::vector<std::byte> bytes(values.size() * size);
  for (std::size_t i = 0; i < values.size(); ++i) merge::store(bytes, size, i, merge::encode(dtype, values[i]).bits);
  return bytes;
}

Difference difference(Dtype dtype, const std::vector<std::byte>& a, const std::vector<std::byte>& b, std::uint64_t elements,
                      std::uint64_t first = 0) {
  return DifferenceMeter{}.measure({0, first, elements, a, b}, dtype, dtype);
}

TEST(Difference, UlpsOfEveryFloatType) {
  for (const auto dtype : {Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) {
    SCOPED_TRACE(name(dtype));
    const auto size = info(dtype).bits / 8;
    // Neighbours on both sides of 1, and the smallest numbers on both sides of 0.
    auto a = stored(dtype, {1, 1, 0, 0});
    auto b = a;
    const auto one = merge::encode(dtype, 1).bits;
    merge::store(b, size, 0, one + 1);
    merge::store(b, size, 1, one - 1);
    merge::store(a, size, 2, (std::uint64_t{1} << (info(dtype).bits - 1)) | 1);
    merge::store(b, size, 2, 1);
    const auto first_two =
        difference(dtype, std::vector(a.begin(), a.begin() + 2 * size), std::vector(b.begin(), b.begin() + 2 * size), 2, 7);
    EXPECT_EQ(first_two.differing, 2U);
    EXPECT_EQ(first_two.ulps.value, 1U);
    EXPECT_EQ(first_two.ulps.at, 7U);
    const auto all = difference(dtype, a, b, 4);
    EXPECT_EQ(all.differing, 3U);
    EXPECT_EQ(all.ulps.value, 2U);
    EXPECT_EQ(all.ulps.at, 2U);
    EXPECT_EQ(all.relative.value, 2);
  }
}

TEST(Difference, FarthestDoublesDoNotOverflow) {
  const auto most = std::numeric_limits<double>::max();
  const auto found = difference(Dtype::f64, stored(Dtype::f64, {-most}), stored(Dtype::f64, {most}), 1);
  EXPECT_EQ(found.ulps.value, 2 * 0x7FEFFFFFFFFFFFFFULL);
  EXPECT_EQ(found.absolute.value, std::numeric_limits<double>::infinity());
}

TEST(Difference, FiguresThatExceedADoubleAreNone) {
  const auto a = stored(Dtype::f64, {1e200, 1, 2});
  const auto b = stored(Dtype::f64, {-1e200, 1, 3});
  const auto found = difference(Dtype::f64, a, b, 3);
  EXPECT_FALSE(found.cosine());
  EXPECT_EQ(found.absolute.value, 2e200);
  EXPECT_FALSE(difference(Dtype::f64, a, stored(Dtype::f64, {0, 1, 2}), 3).cosine());
  EXPECT_FALSE(cosine_of(1, 1, std::numeric_limits<double>::quiet_NaN()));
  const auto most = std::numeric_limits<double>::max();
  EXPECT_EQ(difference(Dtype::f64, stored(Dtype::f64, {-most}), stored(Dtype::f64, {most}), 1).relative.value, 2);
}

TEST(DeltaFigures, ThoseThatExceedADoubleAreNone) {
  DeltaFigures figures;
  figures.sums.elements = 4;
  figures.sums.dd = figures.sums.bb = figures.sums.ff = figures.sums.bf = std::numeric_limits<double>::infinity();
  figures.row_squares = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(figures.overflows());
  EXPECT_FALSE(figures.relative_norm());
  EXPECT_FALSE(figures.cosine());
  EXPECT_FALSE(figures.noise_to_signal(0.5));
  figures.sums.bb = 1;
  EXPECT_FALSE(figures.relative_norm());
  EXPECT_FALSE(figures.cosine());
}

TEST(Difference, PackedTypesAreComparedByElement) {
  // Four elements of 6 bits in three bytes; the second and the last differ.
  const std::vector<std::byte> six{std::byte{0}, std::byte{0}, std::byte{0}};
  const std::vector<std::byte> other{std::byte{0x40}, std::byte{0}, std::byte{0x80}};
  EXPECT_EQ(difference(Dtype::f6_e2m3, six, other, 4).differing, 2U);
  EXPECT_EQ(difference(Dtype::f4, {std::byte{0x12}}, {std::byte{0x13}}, 2).differing, 1U);
  EXPECT_EQ(difference(Dtype::f4, {std::byte{0x12}}, {std::byte{0x03}}, 2).differing, 2U);
}

TEST(Difference, PartsAddUpToTheWhole) {
  std::mt19937 random{1};
  std::uniform_real_distribution<double> draw{-1, 1};
  std::vector<double> x(1000);
  std::vector<double> y(1000);
  for (auto& value : x) value = draw(random);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = i % 3 == 0 ? x[i] : draw(random);
  const auto a = stored(Dtype::f32, x);
  const auto b = stored(Dtype::f32, y);
  const auto whole = difference(Dtype::f32, a, b, 1000);
  Difference sum;
  for (std::size_t first = 0; first < 1000; first += 200) {
    const std::span part_a{a.data() + 4 * first, 800};
    const std::span part_b{b.data() + 4 * first, 800};
    sum.add(DifferenceMeter{}.measure({0, first, 200, part_a, part_b}, Dtype::f32, Dtype::f32));
  }
  EXPECT_EQ(sum.differing, whole.differing);
  EXPECT_EQ(sum.absolute.value, whole.absolute.value);
  EXPECT_EQ(sum.absolute.at, whole.absolute.at);
  EXPECT_EQ(sum.ulps.at, whole.ulps.at);
  EXPECT_NEAR(*sum.cosine(), *whole.cosine(), 1e-12);
}

TEST(Difference, NothingHasNoCosine) {
  EXPECT_FALSE(Difference{}.cosine());
  const auto zeros = stored(Dtype::bf16, {0, 0});
  EXPECT_FALSE(difference(Dtype::bf16, zeros, stored(Dtype::bf16, {1, 2}), 2).cosine());
}

TEST(SizeHistogram, DecilesAreThoseOfASortToItsResolution) {
  std::mt19937 random{2};
  std::lognormal_distribution<double> draw{-6, 2};
  std::vector<double> sizes(4321);
  for (auto& size : sizes) size = draw(random);
  sizes[5] = 0;
  std::vector<std::int64_t> bins(SizeHistogram::k_bins);
  SizeHistogram histogram{bins};
  for (const auto size : sizes) histogram.count(size);
  std::sort(sizes.begin(), sizes.end());
  const auto deciles = histogram.deciles();
  ASSERT_TRUE(deciles);
  for (std::size_t d = 0; d < 9; ++d) {
    const auto exact = sizes[(sizes.size() * (d + 1) + 9) / 10 - 1];
    EXPECT_NEAR((*deciles)[d], exact, 0.004 * exact) << d;
  }
}

TEST(SizeHistogram, ExtremesHaveBins) {
  std::vector<std::int64_t> bins(SizeHistogram::k_bins);
  SizeHistogram histogram{bins};
  EXPECT_FALSE(histogram.deciles());
  histogram.count(0);
  histogram.count(std::numeric_limits<double>::max());
  histogram.count(std::numeric_limits<double>::denorm_min());
  EXPECT_EQ((*histogram.deciles())[0], 0);
  EXPECT_NEAR((*histogram.deciles())[8], std::numeric_limits<float>::max(), 0.004 * std::numeric_limits<float>::max());
  EXPECT_EQ(std::count(bins.begin(), bins.end(), 0), std::int64_t{SizeHistogram::k_bins} - 2);
}

// Any cut of a tensor gives the same sums along rows.
TEST(RowTotal, DoesNotDependOnWhereStretchesEnd) {
  const std::vector<double> model{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto a = stored(Dtype::f32, model);
  const auto b = stored(Dtype::f32, std::vector<double>(12, 0));
  std::vector<std::int64_t> bins(SizeHistogram::k_bins);
  SizeHistogram sizes{bins};
  for (const std::uint64_t row : {1, 2, 3, 4, 6, 12}) {
    double expected = 0;
    for (std::uint64_t r = 0; r < 12; r += row) {
      double sum = 0;
      for (auto i = r; i < r + row; ++i) sum += model[i];
      expected += sum * sum;
    }
    for (std::uint64_t cut = 1; cut <= 12; ++cut) {
      RowTotal total;
      for (std::uint64_t first = 0; first < 12; first += cut) {
        const auto n = std::min<std::uint64_t>(cut, 12 - first);
        const Stretch stretch{0, first, n, std::span{a}.subspan(4 * first, 4 * n), std::span{b}.subspan(4 * first, 4 * n)};
        total.add(DeltaMeter{}.measure(stretch, row, Dtype::f32, Dtype::f32, Dtype::f32, sizes).rows);
      }
      EXPECT_EQ(total.squares(), expected) << row << ' ' << cut;
    }
  }
}

TEST(Delta, NonFiniteElementsAreCountedAndLeftOut) {
  const auto inf = std::numeric_limits<double>::infinity();
  const auto a = stored(Dtype::bf16, {1, inf, 2});
  const auto b = stored(Dtype::bf16, {0.5, 1, std::nan("")});
  std::vector<std::int64_t> bins(SizeHistogram::k_bins);
  SizeHistogram sizes{bins};
  const auto sums = DeltaMeter{}.measure({0, 0, 3, a, b}, 3, Dtype::bf16, Dtype::bf16, Dtype::bf16, sizes).sums;
  EXPECT_EQ(sums.nonfinite, 2U);
  EXPECT_EQ(sums.size, 0.5);
  EXPECT_EQ(sums.dd, 0.25);
}

checkpoint::TensorInfo tensor(const std::string& name, Shape shape, Dtype dtype = Dtype::bf16) {
  checkpoint::TensorInfo info;
  info.name = name;
  info.dtype = dtype;
  info.elements = *checked_elements(shape);
  info.shape = std::move(shape);
  return info;
}

TEST(Pairs, WithABaseMatchAsAMergeDoes) {
  checkpoint::Header base;
  base.tensors = {tensor("model.a", {4, 2}), tensor("model.e", {10, 2}), tensor("model.i", {3}, Dtype::i64), tensor("model.s", {2, 3}),
                  tensor("model.gone", {1})};
  checkpoint::Header model;
  model.tensors = {tensor("a", {4, 2}), tensor("e", {12, 2}), tensor("i", {3}, Dtype::i64), tensor("s", {3, 2}), tensor("new", {1})};
  const auto pairing = with_base(model, base);
  ASSERT_EQ(pairing.pairs.size(), 2U);
  EXPECT_EQ(pairing.pairs[1].elements, 20U);
  EXPECT_EQ(pairing.pairs[1].row, 2U);
  EXPECT_EQ(pairing.of_other_shape.size(), 1U);
  EXPECT_THAT(pairing.only_b, ElementsAre(4));
  EXPECT_THAT(pairing.only_a, ElementsAre(4));
}

// Of deltas of that mean size from ones.
Assessment assessed(double size, std::optional<double> own_rate) {
  checkpoint::Header base;
  base.tensors = {tensor("w", {2})};
  auto model = base;
  if (own_rate) model.delta.emplace().mask.drop_rate = *own_rate;
  Fitness fitness;
  auto& sums = fitness.overall.sums;
  sums.elements = 2;
  sums.size = 2 * size;
  sums.dd = 2 * size * size;
  fitness.tensors = {fitness.overall};
  return assess(fitness, with_base(model, base), std::nullopt, model, base);
}

TEST(Assessment, ADeltaCheckpointIsNotMergedBelowItsOwnRate) {
  EXPECT_EQ(assessed(0.003, std::nullopt).advice, "begin with a drop rate of 0.9; compare with 0.5 and 0.7 in a sweep");
  EXPECT_EQ(assessed(0.003, 0.9).advice, "begin with a drop rate of 0.9, its own: it has no elements for a lower one");
  EXPECT_EQ(assessed(0.003, 0.5).advice, "begin with a drop rate of 0.9; its own, 0.5, is the lowest that it can be merged at");
  const auto coarse = assessed(0.02, 0.9);
  EXPECT_EQ(coarse.advice, "begin with a drop rate of 0.9, its own: it has no elements for a lower one, though its deltas suggest 0.5");
  EXPECT_EQ(coarse.drop_rate, 0.9);
}

TEST(Batches, HoldConsecutivePairsWithinTheirLimits) {
  const Pair small{0, 0, 10, 1};
  const Pair large{0, 0, std::uint64_t{65536} * 65536, 1};
  const std::vector<Pair> pairs{small, small, small, large, large, small};
  std::vector<std::size_t> sizes;
  for (const auto batch : batches(pairs, 2)) sizes.push_back(batch.size());
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(batches({}, 2), IsEmpty());
}

}  // namespace
}  // namespace dare::compare
