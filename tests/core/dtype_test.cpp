#include <dare/core/dtype.hpp>

#include <gtest/gtest.h>

namespace dare {
namespace {

TEST(Dtype, IsNamedAsUsersWriteIt) {
  for (const auto* const word : {"F16", "f16", "fp16", "FP16", "float16", "half"}) EXPECT_EQ(dtype_from_user(word), Dtype::f16) << word;
  for (const auto* const word : {"BF16", "bf16", "bfloat16"}) EXPECT_EQ(dtype_from_user(word), Dtype::bf16) << word;
  for (const auto* const word : {"F32", "fp32", "float32", "float"}) EXPECT_EQ(dtype_from_user(word), Dtype::f32) << word;
  for (const auto* const word : {"fp", "p16", "ffp16", "fpfp16", "16", ""}) EXPECT_EQ(dtype_from_user(word), std::nullopt) << word;
}

}  // namespace
}  // namespace dare
