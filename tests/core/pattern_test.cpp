#include "core/pattern.hpp"

#include "support/errors.hpp"

#include <dare/core/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dare {
namespace {

std::string refusal(const std::string& text) {
  return test::error_text<UsageError>([&] { return compile_pattern(text); });
}

TEST(Pattern, IsSearchedAnywhere) {
  EXPECT_TRUE(std::regex_search("model.layers.1.mlp", compile_pattern("layers\\.[12]\\.")));
  EXPECT_FALSE(std::regex_search("model.layers.3.mlp", compile_pattern("layers\\.[12]\\.")));
}

TEST(Pattern, WhatIsNoneAndWhatIsTooLong) {
  EXPECT_THAT(refusal("("), testing::StartsWith("\"(\" is no regular expression (ECMAScript): "));
  EXPECT_EQ(refusal(std::string(1000, 'a')), "");
  EXPECT_EQ(refusal(std::string(1001, 'a')), "a regular expression of 1001 bytes, at most 1000 are taken");
}

}  // namespace
}  // namespace dare
