#include "core/lower_case.hpp"

#include <gtest/gtest.h>

namespace dare {
namespace {

TEST(LowerCase, LettersOfAsciiAlone) {
  EXPECT_EQ(lower_case("BFloat16 @[`{ AZaz"), "bfloat16 @[`{ azaz");
  EXPECT_EQ(lower_case("Ä\xC0"), "Ä\xC0");
  EXPECT_EQ(lower_case(""), "");
}

}  // namespace
}  // namespace dare
