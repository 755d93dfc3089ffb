/// Whether a model differs from the base at all.
#include "merge/family.hpp"

#include <dare/merge/deltas.hpp>
#include <dare/random/drop_stream.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace dare::merge {
namespace {

using test::HeldRun;
using test::MergeTensor;

constexpr Dtype k_dtypes[]{Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2};
constexpr std::uint64_t k_elements = 5000;  // more than two strips

bool differs(const MergeTensor& tensor, Extent wanted = {0, k_elements}, std::size_t term = 0) {
  return has_delta(tensor.settings, HeldRun{tensor, wanted}.run(), term);
}

MergeTensor equal_to_base(Dtype dtype) {
  auto tensor = test::family({k_elements, 25, 1, dtype, 0}, 1);
  tensor.models[0] = tensor.base;
  return tensor;
}

TEST(Deltas, OneAnywhereIsFound) {
  for (const auto dtype : k_dtypes) {
    const auto size = info(dtype).bits / 8;
    for (const std::uint64_t at : {0U, 1U, 2047U, 2048U, 4097U, 4999U}) {
      auto tensor = equal_to_base(dtype);
      EXPECT_FALSE(differs(tensor)) << name(dtype);
      tensor.models[0][at * size] ^= std::byte{1};
      EXPECT_TRUE(differs(tensor)) << name(dtype) << ' ' << at;
      EXPECT_FALSE(differs(tensor, {0, at}));
      EXPECT_TRUE(differs(tensor, {at, 1}));
      EXPECT_FALSE(differs(tensor, {at + 1, k_elements - at - 1}));
    }
  }
}

TEST(Deltas, LikenessOfTheFirstElements) {
  const auto of = [](const MergeTensor& tensor, Extent wanted) { return likeness(tensor.settings, HeldRun{tensor, wanted}.run(), 0); };
  for (const auto dtype : {Dtype::f64, Dtype::bf16}) {
    const auto tensor = test::worked(dtype, {3, 0, 4}, {{3, 4, 0}});
    const auto all = of(tensor, {0, 3});
    EXPECT_EQ(all.elements, 3U);
    EXPECT_EQ(all.cosine(), 9.0 / 25.0);
    EXPECT_EQ(of(tensor, {1, 2}).cosine(), 0);
    EXPECT_EQ(of(tensor, {1, 1}).cosine(), std::nullopt);  // the base is all zeros there
    auto sum = of(tensor, {0, 1});
    sum.add(of(tensor, {1, 2}));
    EXPECT_EQ(sum.cosine(), all.cosine());
  }
  EXPECT_EQ(of(equal_to_base(Dtype::f32), {0, k_elements}).elements, 2048U);
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(of(test::worked(Dtype::f32, {1, 1}, {{1, nan}}), {0, 2}).elements, 0U);
}

TEST(Deltas, EqualNumbersOfUnequalBitsAreNone) {
  auto zeros = test::worked(Dtype::bf16, {0.0, -0.0, 1}, {{-0.0, 0.0, 1}});
  EXPECT_FALSE(differs(zeros, {0, 3}));
  auto wider = equal_to_base(Dtype::bf16);
  wider.models[0] = test::encoded(Dtype::f32, test::decoded(Dtype::bf16, wider.base));
  wider.settings.models[0].dtype = Dtype::f32;
  EXPECT_FALSE(differs(wider));
  wider.models[0][4 * 3000] = std::byte{1};  // beyond what bfloat16 shows
  EXPECT_TRUE(differs(wider));
}

TEST(Deltas, NotFiniteOnesAreEqualBitForBitOrDiffer) {
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(differs(test::worked(Dtype::f32, {nan, 1}, {{nan, 1}}), {0, 2}));
  EXPECT_TRUE(differs(test::worked(Dtype::f32, {1, 1}, {{1, nan}}), {0, 2}));
}

TEST(Deltas, OfAdaptersAreTheirOwn) {
  for (const auto dtype : {Dtype::f32, Dtype::bf16}) {
    auto tensor = equal_to_base(dtype);
    tensor.settings.models[0].source = Source::delta;
    const auto working = dtype == Dtype::f32 ? Dtype::f64 : Dtype::f32;
    std::vector<double> delta(k_elements);
    tensor.models[0] = test::encoded(working, delta);
    EXPECT_FALSE(differs(tensor));
    delta.back() = 1e-30;
    tensor.models[0] = test::encoded(working, delta);
    EXPECT_TRUE(differs(tensor));
  }
}

// A delta checkpoint reads as 0 where it has nothing.
TEST(Deltas, OfKeptElementsAlone) {
  auto tensor = equal_to_base(Dtype::bf16);
  tensor.settings.sparsifier = Sparsifier::dare;
  test::set_rates(tensor, Rate::from_drop(.7));
  const auto kept = [&] { return has_kept_delta(tensor.settings, HeldRun{tensor, {0, k_elements}}.run(), 0); };
  const random::DropStream stream{tensor.settings.seed, tensor.settings.models[0].stream, tensor.settings.name};
  std::size_t last = 0;
  for (std::size_t i = 0; i < k_elements; ++i) {
    if (stream.dropped(i, random::drop_threshold(.7)))
      std::fill_n(tensor.models[0].begin() + static_cast<std::ptrdiff_t>(2 * i), 2, std::byte{0});
    else last = i;
  }
  EXPECT_TRUE(differs(tensor));
  EXPECT_FALSE(kept());
  tensor.models[0][2 * last] ^= std::byte{1};
  EXPECT_TRUE(kept());
  test::set_rates(tensor, Rate::from_drop(1));
  EXPECT_FALSE(kept());
}

TEST(Deltas, RowsBeyondTheBaseAreItsZeros) {
  auto tensor = test::worked(Dtype::f32, {1, 2, 0, 0, 0, 0}, {{1, 2, 0, 0, 7, 7}, {1, 2, 0, 3, 0, 0}});
  tensor.settings.row = 2;
  tensor.settings.base_elements = 2;
  tensor.settings.models[0].elements = 4;  // the sevens are not there
  EXPECT_FALSE(differs(tensor, {0, 6}));
  EXPECT_TRUE(differs(tensor, {0, 6}, 1));
  EXPECT_FALSE(differs(tensor, {4, 2}, 0));
}

}  // namespace
}  // namespace dare::merge
