#include "sweep/command_check.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& command, const std::string& folder) {
  return test::error_text<UsageError>([&] { refuse_quoted_placeholder(command, folder); });
}

std::string unknown(const std::string& command) {
  return test::error_text<UsageError>([&] { refuse_unknown_placeholder(command); });
}

std::string missing(const std::string& command) {
  return test::error_text<UsageError>([&] { refuse_missing_program(command); });
}

TEST(Placeholders, WithinQuotesAreRefusedForAPathWithSpaces) {
  EXPECT_EQ(quoted("t \"{checkpoint}\"", "/a/b"), "");
  EXPECT_EQ(quoted("t 'x' {checkpoint} \"$CHECKPOINT\" \\' \\{checkpoint}", "/a b"), "");
  const std::string expected =
      "evaluate: {checkpoint} stands within quotes and becomes '/a b'..., which has quotes of its own; write it without quotes, or "
      "\"$CHECKPOINT\"";
  EXPECT_EQ(quoted("t \"--m={checkpoint}\"", "/a b"), expected);
  EXPECT_EQ(quoted("sh -c 't {checkpoint}'", "/a b"), expected);
}

TEST(Placeholders, ThatAreUnknownAreRefused) {
  EXPECT_EQ(unknown("score {chekpoint}"), "evaluate: {chekpoint} is no placeholder; did you mean {checkpoint}?");
  EXPECT_EQ(unknown("awk '{chekpoint}'"), "evaluate: {chekpoint} is no placeholder; did you mean {checkpoint}?");
  const std::string known = " is no placeholder, there are {checkpoint} and {point}; braces for the command itself stand in quotes";
  EXPECT_EQ(unknown("score {checkpoint} --name {name}"), "evaluate: {name}" + known);
  EXPECT_EQ(unknown("score {checkpoint} --seed={seed} \"{x}\""), "evaluate: {seed}" + known);
}

TEST(Placeholders, ThatAreTheShellsAreLeftToIt) {
  for (const auto* command : {"score {checkpoint} {point} | awk '{print}' | tr {a,b} ${X}", "echo \"{\\\"a\\\": {x}}\"",
                              "find . -exec ls {} \\;", "echo \\{x}", "{ a; b; }", "python3 - <<E\nd = {x}\nE\n", "echo {1..3} {"})
    EXPECT_EQ(unknown(command), "") << command;
}

TEST(Program, IsWhatTheShellKnows) {
  for (const auto* command :
       {"true", "  sh -c x", "if true; then x; fi", "cd /nowhere-at-all && x", ". ./x", "X=1 Y=2 cat x", "\n printf x", "\"no such\" x",
        "$X x", "# words\nx", "PATH=/x y", "f() { x; }; f", "! nothing-called-so", "[ -e x ]", "{ x; }", "cat>x"})
    EXPECT_EQ(missing(command), "") << command;
  const std::string end = " on the PATH; give its path, or load what it belongs to before";
  EXPECT_EQ(missing("nothing-called-so {checkpoint}"), "evaluate: there is no program nothing-called-so" + end);
  EXPECT_EQ(missing("X=1 nothing-called-so;true"), "evaluate: there is no program nothing-called-so" + end);
}

TEST(Program, IsAFileThatCanBeExecuted) {
  const test::TempFolder folder;
  const auto file = folder.path() / "score";
  const auto here = fs::current_path().string();
  EXPECT_EQ(missing(file.string() + " {checkpoint}"), "evaluate: " + file.string() + " is not there; the command runs in " + here);
  std::ofstream{file} << "#!/bin/sh\n";
  EXPECT_EQ(missing(file.string()),
            "evaluate: " + file.string() + " is not executable; `chmod +x` it, or begin with what runs it, such as python3");
  fs::permissions(file, fs::perms::owner_all);
  EXPECT_EQ(missing(file.string()), "");
  EXPECT_EQ(missing(folder.path().string()), "evaluate: " + folder.path().string() + " is a folder, expected a program");
}

TEST(Program, ThatIsAnInterpreterHasItsScript) {
  const auto here = fs::current_path().string();
  EXPECT_EQ(missing("python3 nothing-called-so.py {checkpoint}"),
            "evaluate: nothing-called-so.py is not there for python3; the command runs in " + here);
  for (const auto* command : {"python3 -m x", "python3 \"$X\"", "python3 {checkpoint}", "python3", "python3 /dev/null", "python3; x"})
    EXPECT_EQ(missing(command), "") << command;
}

}  // namespace
}  // namespace dare::sweep
