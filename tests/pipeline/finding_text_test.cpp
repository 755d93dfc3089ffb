#include "pipeline/finding_text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dare::pipeline {
namespace {

using merge::Finding;

constexpr auto k_infinity = std::numeric_limits<double>::infinity();
constexpr auto k_nan = std::numeric_limits<double>::quiet_NaN();

// A bfloat16 tensor "h.w" of a base b/ and the models m0/ and m1/, with Fisher weights f0/ and f1/.
Work work_of(Dtype dtype = Dtype::bf16) {
  Work work;
  work.frame.root = "b/";
  work.frame.tensors.emplace_back();
  work.frame.tensors[0].name = "h.w";
  work.frame.tensors[0].dtype = dtype;
  for (const auto* const root : {"m0/", "m1/"}) work.models.emplace_back().root = root;
  for (const auto* const root : {"f0/", "f1/"}) {
    auto& auxiliary = work.auxiliaries.emplace_back();
    auxiliary.root = root;
    auxiliary.tensors.emplace_back();
  }
  return work;
}

recipe::TensorTask task_of(Dtype dtype = Dtype::bf16, Dtype out = Dtype::bf16) {
  recipe::TensorTask task;
  task.settings.base_dtype = dtype;
  task.settings.out_dtype = out;
  task.inputs = {{1, 0, 0}};  // of the models m1 alone takes part
  merge::ModelTerm term;
  term.model = 1;
  term.dtype = dtype;
  task.settings.models = {term};
  return task;
}

const std::string k_saturate = "write a wider dtype, or its largest: --overflow saturate, `overflow: saturate` in a recipe";

std::string told(const Finding& finding, Dtype dtype = Dtype::bf16) {
  return refusal(work_of(dtype), task_of(dtype), finding).what();
}

TEST(FindingText, InputsThatAreNotFinite) {
  const std::string rest =
      "; the file is damaged or its training diverged; --nonfinite keep, or `nonfinite: keep` in the recipe, merges it as it is";
  EXPECT_EQ(told({Finding::Kind::nonfinite_input, 7, -1, k_infinity}), "b/: tensor \"h.w\": element 7 is inf" + rest);
  EXPECT_EQ(told({Finding::Kind::nonfinite_input, 7, 0, -k_infinity}), "m1/: tensor \"h.w\": element 7 is -inf" + rest);
  EXPECT_EQ(told({Finding::Kind::nonfinite_input, 7, 0, k_nan, true}), "f1/: tensor \"h.w\": element 7 is nan" + rest);
}

TEST(FindingText, ResultsThatDoNotFit) {
  EXPECT_EQ(told({Finding::Kind::overflow, 9, -1, 1e39}), "tensor \"h.w\": element 9 becomes 1e+39, more than BF16 holds; " + k_saturate);
}

// By row and column too; a Gram matrix in its own shape.
TEST(FindingText, PlacesInMatrices) {
  auto work = work_of();
  auto task = task_of();
  task.shape = {4, 3, 2};
  work.frame.tensors[0].shape = {5, 4};
  work.auxiliaries[1].tensors[0].shape = {8, 8};
  const auto begins = [](const InputError& error, const std::string& text) { return std::string{error.what()}.starts_with(text); };
  EXPECT_TRUE(
      begins(refusal(work, task, {Finding::Kind::nonfinite_input, 7, 0, k_nan}), "m1/: tensor \"h.w\": element 7 ([1,0,1]) is nan;"));
  EXPECT_TRUE(begins(refusal(work, task, {Finding::Kind::overflow, 23, -1, 1e39}), "tensor \"h.w\": element 23 ([3,2,1]) becomes 1e+39,"));
  EXPECT_TRUE(
      begins(refusal(work, task, {Finding::Kind::nonfinite_input, 63, 0, k_nan, true}), "f1/: tensor \"h.w\": element 63 ([7,7]) is nan;"));
  EXPECT_TRUE(begins(unequal_integer(work, task, 2, 19), "m1/: tensor \"h.w\" (BF16): element 19 ([4,3]) differs"));
  EXPECT_TRUE(begins(lost_in_conversion(work, task, 4, 1000), "b/: tensor \"h.w\": element 4 ([1,0]) is 1000,"));
}

// In the working type, which is not the stored one.
TEST(FindingText, SumsThatBecomeNan) {
  const auto expected = [](const std::string& working) {
    return "tensor \"h.w\": element 9 becomes nan although every input is finite: sums on the way are more than " + working +
           " holds; give smaller weights or a smaller lambda, or exclude the tensor";
  };
  EXPECT_EQ(told({Finding::Kind::overflow, 9, -1, k_nan}), expected("F32"));
  EXPECT_EQ(told({Finding::Kind::overflow, 9, -1, k_nan}, Dtype::f32), expected("F64"));
}

TEST(FindingText, GramMatricesWithoutAnInverse) {
  EXPECT_EQ(told({Finding::Kind::singular, 0, -1, 0.5, true}),
            "tensor \"h.w\": the sum of the Gram matrices has no inverse (smallest pivot 0.5); gather them on more inputs, or set alpha "
            "below 1");
}

TEST(FindingText, IntegersThatDiffer) {
  EXPECT_EQ(std::string{unequal_integer(work_of(Dtype::i64), task_of(Dtype::i64), 2, 40).what()},
            "m1/: tensor \"h.w\" (I64): element 40 differs from the base's; integers are copied, not merged: exclude the tensor to keep "
            "the base's");
}

TEST(FindingText, ConversionsThatLose) {
  const auto of = [](double value) {
    return std::string{lost_in_conversion(work_of(), task_of(Dtype::bf16, Dtype::f8_e4m3), 3, value).what()};
  };
  EXPECT_EQ(of(1000), "b/: tensor \"h.w\": element 3 is 1000, more than F8_E4M3 holds; " + k_saturate);
  EXPECT_EQ(
      of(k_infinity),
      "b/: tensor \"h.w\": element 3 is inf, which F8_E4M3 does not have; write another dtype, or let dare-merge make it nan: --nonfinite "
      "keep, `nonfinite: keep` in a recipe");
}

}  // namespace
}  // namespace dare::pipeline
