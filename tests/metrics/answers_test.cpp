#include <dare/metrics/answers.hpp>

#include <gmock/gmock.h>

#include <array>

namespace dare::metrics {
namespace {

using testing::Eq;
using testing::Optional;

struct Case {
  const char* text;
  const char* answer;
};

TEST(Gsm8kAnswer, IsTheMarkedOrTheLastNumber) {
  constexpr std::array cases{
      Case{"He pays 3*4=<<3*4=12>>12.\n#### 12", "12"},
      Case{"#### 1,234", "1234"},
      Case{"so 5\n#### 18\n\nQuestion: next\n#### 99", "18"},  // a model that runs on answered with the first
      Case{"####\nno number there, then 7", "7"},              // the mark's line holds none: the last number
      Case{"The answer is 18.", "18"},
      Case{"It costs $1,200.50 in total.", "1200.5"},
      Case{"She lost -$5", "-5"},
      Case{"She lost $-5", "-5"},
      Case{"\\$18", "18"},
      Case{"€ 7,000", "7000"},
      Case{"\xE2\x88\x92"
           "12 degrees",
           "-12"},  // U+2212
      Case{"10 - 3 = 7", "7"},
      Case{"so 10-3", "3"},  // a subtraction, no sign
      Case{"= -3", "-3"},
      Case{"0.50", "0.5"},
      Case{".5 of it", "0.5"},
      Case{"007", "7"},
      Case{"-0", "0"},
      Case{"3.0", "3"},
      Case{"1,2", "2"},  // no thousands: two numbers
      Case{"1,2345", "2345"},
      Case{"12,345,678 people", "12345678"},
      Case{"20%", "20"},
      Case{"the area is 20 m2", "20"},
      Case{"the area is 20 m^2", "20"},
      Case{"18km", "18"},
      Case{"**42**", "42"},
      Case{"\\boxed{6}", "6"},
      Case{"123456789012345678901234567890", "123456789012345678901234567890"},  // no double could hold it
  };
  for (const auto& it : cases) EXPECT_THAT(gsm8k_answer(it.text), Optional(Eq(it.answer))) << it.text;
}

TEST(Gsm8kAnswer, IsNothingWithoutANumber) {
  for (const auto* text : {"", "no idea", "####", "$", "-", "m2", "..."}) EXPECT_EQ(gsm8k_answer(text), std::nullopt) << text;
}

TEST(LastBoxed, CountsBraces) {
  constexpr std::array cases{
      Case{"so \\boxed{5}.", "5"},
      Case{"\\boxed{1} then \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"},
      Case{"\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"},
      Case{"\\boxed {7}", "7"},
      Case{"$\\boxed 5$ is it", "5"},
      Case{"\\fbox{3}", "3"},
      Case{"\\boxed{}", ""},
  };
  for (const auto& it : cases) EXPECT_THAT(last_boxed(it.text), Optional(Eq(it.answer))) << it.text;
  for (const auto* text : {"", "5", "\\boxed", "\\boxed{\\frac{1}{2}", "\\boxed5"}) EXPECT_EQ(last_boxed(text), std::nullopt) << text;
}

TEST(MathAnswer, IsBoxedOrAfterThePhraseOrTheText) {
  EXPECT_EQ(math_answer("x is 3, so \\boxed{4}. The answer is 5."), "4");
  EXPECT_EQ(math_answer("The answer is 3? No. The answer is: $\\frac12$.\nDone"), "\\frac{1}{2}");
  EXPECT_EQ(math_answer("Final Answer: The final answer is $5$. I hope it is correct."), "5");
  EXPECT_EQ(math_answer("Final Answer: The final answer is $\\frac{1}{2}$. I hope it is correct."), "\\frac{1}{2}");
  EXPECT_EQ(math_answer("The final answer is 3.5. I hope it is correct.\n\nProblem:"), "3.5");
  EXPECT_EQ(math_answer("The answer is $x = 7$, since 7 is prime."), "7");
  EXPECT_EQ(math_answer("The answer is \\$7 or \\$8"), "7or8");  // money, no formula
  EXPECT_EQ(math_answer("The answer is **5**"), "5");
  EXPECT_EQ(math_answer("**The answer is:** 2**3"), "2**3");
  EXPECT_EQ(math_answer(" 12 "), "12");
  EXPECT_EQ(math_answer(""), "");
}

TEST(MathNormalForm, EqualAnswersAreEqualTexts) {
  constexpr std::array same{
      Case{"\\dfrac{1}{2}", "\\frac12"},
      Case{"\\tfrac1{72}", "\\frac{1}{72}"},
      Case{"1/2", "\\frac{1}{2}"},
      Case{"0.5", ".5"},
      Case{"0.5", "\\frac{1}{2}"},
      Case{"\\sqrt3", "\\sqrt{3}"},
      Case{"\\left( 3, 4 \\right)", "(3,4)"},
      Case{"90^\\circ", "90"},
      Case{"90^{\\circ}", "90"},
      Case{"\\$12", "12"},
      Case{"50\\%", "50"},
      Case{"12\\text{ cm}", "12"},
      Case{"12\\text{cm}^2", "12"},
      Case{"12 \\mbox{ inches}", "12"},
      Case{"5\\text{ oranges}", "5"},
      Case{"5 \\text{android phones}", "5"},
      Case{"x = 5", "5"},
      Case{"10,000", "10000"},
      Case{"10{,}000", "10000"},
      Case{"10\\,000", "10000"},
      Case{"1\\!000", "1000"},
      Case{"2.50", "2.5"},
      Case{"\\text{Evelyn}", "Evelyn"},
      Case{"\\text{(C)}", "(C)"},
      Case{"5.", "5"},
      Case{"-3/4", "\\frac{-3}{4}"},
  };
  for (const auto& it : same) EXPECT_EQ(math_normal_form(it.text), math_normal_form(it.answer)) << it.text;
  constexpr std::array different{
      Case{"\\frac{1}{2}", "\\frac{1}{3}"}, Case{"12", "1,2"}, Case{"(1,2)", "(2,1)"}, Case{"-5", "5"}, Case{"1\\text{ or }2", "1"},
      Case{"1\\text{ and 2}", "1"},         Case{"2x", "2"},   Case{"0.25", "0.5"},    Case{"", "0"},
  };
  for (const auto& it : different) EXPECT_NE(math_normal_form(it.text), math_normal_form(it.answer)) << it.text;
}

TEST(MathNormalForm, SurvivesBrokenLatex) {
  for (const auto* text :
       {"\\frac", "\\frac1", "\\sqrt", "\\text{", "\\boxed{", "=", "==", "/", "{", "}", "\\", "\\\\", "x =", "$", "1/", "/2"}) {
    EXPECT_LE(math_normal_form(text).size(), 20U) << text;
  }
}

TEST(PlainAnswer, RunsOfSpacesAreOne) {
  EXPECT_EQ(plain_answer("  a \t\n b  "), "a b");
  EXPECT_EQ(plain_answer(" \n"), "");
  EXPECT_NE(plain_answer("A"), plain_answer("a"));
}

}  // namespace
}  // namespace dare::metrics
