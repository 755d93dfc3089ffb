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

TEST(Scores, AreInTheLastLineThatIsNotBlank) {
  EXPECT_EQ(scores_in("loading\n{\"a\": 1}\n{\"b\": 0.5, \"by\": {\"x\": 2}}\n \n").dump(), R"({"b":0.5,"by.x":2})");
  EXPECT_EQ(scores_in("{\"a\": -1e-3}").dump(), R"({"a":-0.001})");
}

TEST(Scores, ThatAreNoneAreSaid) {
  const std::string expected = "evaluate's last line is no JSON object of scores such as {\"accuracy\": 0.91}: ";
  EXPECT_EQ(error_in(""), expected + "it printed nothing");
  EXPECT_EQ(error_in("0.91\n"), expected + "0.91");
  EXPECT_EQ(error_in("{\"a\": 1"), expected + "{\"a\": 1");
  EXPECT_EQ(error_in("{}"), expected + "{}");
  EXPECT_EQ(error_in("\x1b[2J"), expected + "?[2J");
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
