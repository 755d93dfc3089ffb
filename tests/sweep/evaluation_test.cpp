#include "sweep/evaluation.hpp"

#include <dare/core/error.hpp>

#include <gtest/gtest.h>

namespace dare::sweep {
namespace {

std::string error_in(const std::string& output) {
  try {
    return scores_in(output).dump();
  } catch (const InputError& error) { return error.what(); }
}

TEST(Scores, AreWhatTheOutputEndsWith) {
  EXPECT_EQ(scores_in("loading\n{\"a\": 1}\n{\"b\": 0.5, \"by\": {\"x\": 2}}\n \n").dump(), R"({"b":0.5,"by.x":2})");
  EXPECT_EQ(scores_in("{\"a\": -1e-3}").dump(), R"({"a":-0.001})");
  EXPECT_EQ(scores_in("{\"a\": 1}\n{\n  \"b\": 2,\n  \"by\":\n  {\n    \"x\": 3\n  }\n}\n").dump(), R"({"b":2,"by.x":3})");
  EXPECT_EQ(scores_in("{\n\"NaN \\\" Infinity\": 1}").dump(), R"({"NaN \" Infinity":1})");
}

TEST(Scores, ThatAreNoneAreSaid) {
  const std::string expected = "evaluate's output does not end with a JSON object of scores such as {\"accuracy\": 0.91}: ";
  EXPECT_EQ(error_in(""), expected + "it printed nothing");
  EXPECT_EQ(error_in("0.91\n"), expected + "its last line is 0.91");
  EXPECT_EQ(error_in("{\"a\": 1"), expected + "its last line is {\"a\": 1");
  EXPECT_EQ(error_in("{}"), expected + "its last line is {}");
  EXPECT_EQ(error_in("{\"a\": 1}\ndone"), expected + "its last line is done");
  EXPECT_EQ(error_in("{\"a\": 1}\n}"), expected + "its last line is }");
  EXPECT_EQ(error_in("\x1b[2J"), expected + "its last line is \\x1b[2J");
  EXPECT_EQ(error_in("{\"a\": NaN}"), "score \"a\" is NaN, expected a number that can be compared; leave it out where it has none");
  EXPECT_EQ(error_in("{\"a\": {\"b\": -Infinity}}"),
            "score \"a.b\" is -Infinity, expected a number that can be compared; leave it out where it has none");
  EXPECT_EQ(error_in("{\"a\": [1]}"), "score \"a\" is [1], expected a number");
  EXPECT_EQ(error_in("{\"a\": {\"b\": null}}"), "score \"a.b\" is null, expected a number");
}

TEST(CommandFor, ReplacesEveryWord) {
  EXPECT_EQ(command_for("t {checkpoint} --name {point} {point}x {other} {", "a b", "p=1"), "t 'a b' --name p=1 p=1x {other} {");
  EXPECT_EQ(command_for("{checkpoint}", "{point}", "p"), "'{point}'");  // what is put in is not looked at again
}

TEST(LacksScore, NamesWhatIsThere) {
  EXPECT_EQ(lacks_score({{"a", 1}, {"by.x", 2}}, "accurcy"), "has no score \"accurcy\", which score: names, only a, by.x");
}

TEST(EvaluationHash, IsOfTheText) {
  EXPECT_EQ(evaluation_hash(""), "");
  EXPECT_EQ(evaluation_hash("true").size(), 32U);
  EXPECT_NE(evaluation_hash("true"), evaluation_hash("false"));
}

}  // namespace
}  // namespace dare::sweep
