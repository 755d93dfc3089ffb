#include "sweep/evaluation.hpp"
#include "sweep/retention.hpp"

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
  EXPECT_EQ(error_in("{\"a\": [1]}"), "score \"a\" is [1], expected a number");
  EXPECT_EQ(error_in("{\"a\": {\"b\": null}}"), "score \"a.b\" is null, expected a number");
}

TEST(CommandFor, ReplacesEveryWord) {
  EXPECT_EQ(command_for("t {checkpoint} --name {point} {point}x {other} {", "a b", "p=1"), "t 'a b' --name p=1 p=1x {other} {");
  EXPECT_EQ(command_for("{checkpoint}", "{point}", "p"), "'{point}'");  // what is put in is not looked at again
}

Record scored(const std::string& name, nlohmann::ordered_json scores, Status status = Status::done) {
  Record record;
  record.point = name;
  record.status = status;
  record.scores = std::move(scores);
  return record;
}

TEST(Best, IsTheFirstOfTheBest) {
  Settings settings;
  const std::vector records{scored("a", {{"x", 1}, {"y", 5}}), scored("b", {{"x", 3}, {"y", 1}}), scored("c", {{"x", 3}, {"y", 0}}),
                            scored("d", {{"x", 9}}, Status::unscored), scored("e", {})};
  EXPECT_EQ(best_of(records, settings), 1U);
  settings.score = "y";
  EXPECT_EQ(best_of(records, settings), 0U);
  settings.lowest_is_best = true;
  EXPECT_EQ(best_of(records, settings), 2U);
  settings.score = "z";
  EXPECT_EQ(best_of(records, settings), std::nullopt);
}

}  // namespace
}  // namespace dare::sweep
