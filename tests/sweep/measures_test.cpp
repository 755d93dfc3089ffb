#include "sweep/measures.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace dare::sweep {
namespace {

// Of vectors that are equal up to a sign: the product is exact, the roots are not.
TEST(Measures, ACosineIsNoneBeyondOne) {
  for (const double sign : {1.0, -1.0}) {
    merge::Measures measures;
    measures.product = sign * 3;
    measures.merged = measures.undropped = 3;
    ASSERT_GT(std::abs(measures.product / (std::sqrt(3.0) * std::sqrt(3.0))), 1);
    EXPECT_EQ(statistics_of(measures)["cosine"], sign);
  }
}

TEST(Measures, NothingIsDividedByNothing) {
  const auto statistics = statistics_of({});
  for (const auto* name : {"kept_share", "relative_error", "cosine"}) EXPECT_TRUE(statistics[name].is_null()) << name;
}

}  // namespace
}  // namespace dare::sweep
