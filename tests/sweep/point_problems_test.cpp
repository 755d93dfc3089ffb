#include "sweep/point_problems.hpp"

#include <gmock/gmock.h>

namespace dare::sweep {
namespace {

using testing::ElementsAre;

TEST(PointProblems, AreToldOnceWithTheirPoints) {
  PointProblems problems{9};
  problems.add("a", "base: gone");
  problems.add("a", "m: gone");
  for (const auto* point : {"b", "c"}) problems.add(point, "base: gone");
  for (const auto* point : {"b", "c", "d"}) problems.add(point, "n: gone");
  for (const auto* point : {"d", "e"}) problems.add(point, "base: gone");
  for (const auto* point : {"a", "b"}) problems.add(point, "n: short");
  EXPECT_THAT(problems.texts(), ElementsAre("points a, b and 3 more: base: gone", "point a: m: gone", "points b, c and d: n: gone",
                                            "points a and b: n: short"));
}

TEST(PointProblems, OfAllPointsNameNone) {
  PointProblems problems{2};
  for (const auto* point : {"a", "b"}) problems.add(point, "base: gone");
  EXPECT_THAT(problems.texts(), ElementsAre("every point: base: gone"));
  PointProblems of_one{1};
  of_one.add("a", "base: gone");
  EXPECT_THAT(of_one.texts(), ElementsAre("point a: base: gone"));
}

TEST(Refusal, HasEveryProblemByItself) {
  Problems problems;
  problems.input("x");
  const auto refusal_of = [&] {
    try {
      problems.throw_if_any();
    } catch (const Error& error) { return Refusal{error}; }
    return Refusal{};
  };
  EXPECT_EQ(refusal_of().text(), "x");
  problems.input("y");
  problems.input("x");
  EXPECT_THAT(refusal_of().texts, ElementsAre("x", "y"));
  EXPECT_EQ(refusal_of().text(), "2 problems found:\n  x\n  y");
  EXPECT_EQ(refusal_of().code, ExitCode::input);
}

}  // namespace
}  // namespace dare::sweep
