#include <dare/core/error.hpp>

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace dare {
namespace {

std::string thrown(const Problems& problems) {
  try {
    problems.throw_if_any();
  } catch (const Error& error) { return fmt::format("{}: {}", static_cast<int>(error.code()), error.what()); }
  return "nothing";
}

TEST(Problems, OneIsAnErrorAndManyAreAList) {
  Problems problems;
  EXPECT_TRUE(problems.attempt([] {}));
  EXPECT_EQ(thrown(problems), "nothing");
  EXPECT_FALSE(problems.attempt([] { throw InputError{"a"}; }));
  EXPECT_EQ(thrown(problems), "3: a");
  problems.advise("; look");
  problems.input("b");
  EXPECT_EQ(thrown(problems), "3: 2 problems found:\n  a; look\n  b");
}

TEST(Problems, OfTheCommandLineDecidesTheCodeWhereverItStands) {
  Problems problems;
  problems.usage("u");
  problems.input("i");
  EXPECT_EQ(thrown(problems).substr(0, 2), "2:");
  Problems other;
  other.input("i");
  other.add(IoError{"io"});
  EXPECT_EQ(thrown(other).substr(0, 2), "1:");
  other.usage("u");
  EXPECT_EQ(thrown(other).substr(0, 2), "2:");
}

TEST(Problems, OfAnotherCheckCountOneByOne) {
  Problems inner;
  inner.usage("a");
  inner.usage("b");
  Problems outer;
  outer.input("c");
  outer.attempt([&] { inner.throw_if_any(); });
  outer.add(inner);
  EXPECT_EQ(thrown(outer), "2: 5 problems found:\n  c\n  a\n  b\n  a\n  b");
}

TEST(Problems, VeryManyAreCounted) {
  Problems problems;
  for (int i = 0; i < 53; ++i) problems.input(fmt::format("p{}", i));
  const auto text = thrown(problems);
  EXPECT_TRUE(text.starts_with("3: 53 problems found:\n  p0\n")) << text;
  EXPECT_TRUE(text.ends_with("\n  p49\n  ... and 3 more")) << text;
}

}  // namespace
}  // namespace dare
