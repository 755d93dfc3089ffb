/// compat mergelm where the official code takes a way of its own.
#include "merge/family.hpp"

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

test::MergeTensor tensor_at(Rate rate) {
  auto tensor = test::worked(Dtype::f32, {1, 2, -3, 4, 0.5}, {{2, 3, 4, 5, -6}, {-2, 1, 0, 7, 8}});
  tensor.settings.sparsifier = Sparsifier::dare;
  tensor.settings.compat = Compat::mergelm;
  tensor.settings.models[1].first_draw = 5;
  test::set_rates(tensor, rate, Rescale::expected);
  return tensor;
}

TEST(Mergelm, NothingIsRescaledWhereAllIsDropped) {
  for (const auto rate : {Rate::from_drop(1), Rate::from_density(0)}) {
    const auto tensor = tensor_at(rate);
    const auto merged = test::merge_all_ways(tensor);
    EXPECT_FALSE(merged.finding);
    EXPECT_EQ(merged.bytes, tensor.base);
  }
}

// B + ((B + 0) - B) as there.
TEST(Mergelm, ANegativeZeroOfTheBaseIsZeroThere) {
  auto tensor = test::worked(Dtype::f32, {-0.0}, {{2}});
  tensor.settings.sparsifier = Sparsifier::dare;
  tensor.settings.compat = Compat::mergelm;
  test::set_rates(tensor, Rate::from_drop(1), Rescale::expected);
  EXPECT_EQ(test::merge_all_ways(tensor).bytes, test::encoded(Dtype::f32, {0.0}));
}

TEST(Mergelm, AllIsKeptAtRateZero) {
  auto tensor = tensor_at(Rate::from_drop(0));
  EXPECT_EQ(test::decoded(Dtype::f32, test::merge_all_ways(tensor).bytes), (std::vector<double>{-1, 2, 7, 8, 1.5}));
}

}  // namespace
}  // namespace dare::merge
