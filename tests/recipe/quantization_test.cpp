#include <dare/recipe/quantization.hpp>

#include "recipe/support.hpp"

namespace dare::recipe {
namespace {

std::string told(const std::vector<test::Tensor>& tensors) {
  return quantization_in(test::header("m", tensors)).value_or("weights");
}

TEST(Quantization, IsToldWithWhatToDo) {
  const auto codes = test::header("m", {{"h.qweight", Dtype::i32, {4}}, {"h.scales", Dtype::f16, {4}}});
  const auto weights = test::header("m", {{"h.weight", Dtype::f16, {4}}});
  EXPECT_EQ(why_quantised(codes, std::nullopt),
            "tensor \"h.qweight\" (I32 [4]) holds packed codes (GPTQ, AWQ): a quantised checkpoint holds codes, not weights; merge the "
            "checkpoint it was quantised from");
  EXPECT_EQ(why_quantised(weights, ModelConfig{"gptq", false}),
            "config.json has a quantization_config (gptq): the tensors are codes, not weights; merge the checkpoint it was quantised from");
  EXPECT_EQ(why_quantised(weights, ModelConfig{}), std::nullopt);
  EXPECT_EQ(why_quantised(weights, std::nullopt), std::nullopt);
}

TEST(Quantization, NamesOfCodes) {
  EXPECT_EQ(told({{"h.0.qweight", Dtype::i32, {4, 8}}}), R"(tensor "h.0.qweight" (I32 [4, 8]) holds packed codes (GPTQ, AWQ))");
  EXPECT_EQ(told({{"h.0.weight", Dtype::i8, {4}}, {"h.0.SCB", Dtype::f32, {4}}}),
            R"(tensor "h.0.SCB" (F32 [4]) holds scales of 8-bit codes (bitsandbytes))");
  EXPECT_EQ(told({{"h.0.weight", Dtype::u8, {4, 1}}, {"h.0.weight.absmax", Dtype::f32, {1}}}),
            R"(tensor "h.0.weight.absmax" (F32 [1]) holds scales of 4-bit codes (bitsandbytes))");
  EXPECT_EQ(told({{"e.up_blocks", Dtype::u8, {4}}, {"e.up_scales", Dtype::u8, {1}}}),
            R"(tensor "e.up_blocks" (U8 [4]) holds packed codes (MXFP4))");
}

TEST(Quantization, ScalesCountOnlyBesideNarrowTensors) {
  EXPECT_EQ(told({{"h.weight", Dtype::f8_e4m3, {4, 4}}, {"h.weight_scale", Dtype::f32, {1}}}),
            R"(tensor "h.weight_scale" (F32 [1]) holds the scales of "h.weight" (F8_E4M3))");
  EXPECT_EQ(told({{"h.weight", Dtype::bf16, {4, 4}}, {"h.weight_scale", Dtype::f32, {1}}}), "weights");
  EXPECT_EQ(told({{"h.weight", Dtype::f8_e4m3, {4, 4}}, {"logit_scale", Dtype::f32, {}}}), "weights");
  EXPECT_EQ(told({{"norm.scale", Dtype::f32, {4}}, {"norm.weight", Dtype::f32, {4}}}), "weights");
}

TEST(Quantization, EightBitFloatsAloneAreWeights) {
  EXPECT_EQ(told({{"h.weight", Dtype::f8_e5m2, {4, 4}}, {"position_ids", Dtype::i64, {1, 4}}, {"mask", Dtype::boolean, {4}}}), "weights");
}

}  // namespace
}  // namespace dare::recipe
