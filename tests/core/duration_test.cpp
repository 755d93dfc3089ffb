#include <dare/core/duration.hpp>

#include <gtest/gtest.h>

namespace dare {
namespace {

TEST(Duration, IsToldInTheUnitsOfPeople) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(4e-7), "less than 1 ms");
  EXPECT_EQ(format_duration(0.0042), "0.0042 s");
  EXPECT_EQ(format_duration(12.34), "12.3 s");
  EXPECT_EQ(format_duration(59.94), "59.9 s");
  EXPECT_EQ(format_duration(59.96), "1 min 0 s");
  EXPECT_EQ(format_duration(250), "4 min 10 s");
  EXPECT_EQ(format_duration(3599.4), "59 min 59 s");
  EXPECT_EQ(format_duration(3599.6), "1 h 0 min");
  EXPECT_EQ(format_duration(12682.2), "3 h 31 min");
}

}  // namespace
}  // namespace dare
