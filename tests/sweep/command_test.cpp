#include "sweep/command.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/file.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace dare::sweep {
namespace {

using End = CommandResult::End;

// The process of that number is gone; what was its parent may take a moment to see it.
bool is_gone(const std::string& pid) {
  for (int tries = 0; tries < 500; ++tries) {
    if (::kill(std::atoi(pid.c_str()), 0) != 0) return true;
    ::usleep(10'000);
  }
  return false;
}

class Command : public testing::Test {
 protected:
  CommandResult run(
      const std::string& command, double limit = 30, const std::function<bool()>& stop = [] { return false; }) {
    return run_command(command, std::chrono::duration<double>{limit}, folder_.path() / "log", stop);
  }
  test::TempFolder folder_;
};

TEST_F(Command, GivesOutputAndExitCode) {
  const auto result = run("echo out; echo err >&2; read nothing || exit 7");
  EXPECT_EQ(result.end, End::exited);
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.standard_output, "out\n");
  EXPECT_EQ(read_text(folder_.path() / "log"), "err\n");
}

TEST_F(Command, OfMuchOutputTheEndIsKept) {
  const auto result = run("head -c 9000000 /dev/zero | tr '\\0' x; echo; echo last");
  EXPECT_EQ(result.code, 0);
  EXPECT_LE(result.standard_output.size(), std::size_t{2} << 20U);
  EXPECT_TRUE(result.standard_output.ends_with("x\nlast\n"));
}

TEST_F(Command, ThatIsKilledSaysBySignal) {
  const auto result = run("kill -KILL $$");
  EXPECT_EQ(result.end, End::killed);
  EXPECT_EQ(result.code, SIGKILL);
}

TEST_F(Command, ThatTakesTooLongIsEndedWithAllThatItStarted) {
  const auto result = run("sleep 1000 & echo $!; sleep 1000", 0.2);
  EXPECT_EQ(result.end, End::timed_out);
  EXPECT_TRUE(is_gone(result.standard_output));
}

TEST_F(Command, ThatIgnoresTermIsKilled) {
  const auto result = run("trap '' TERM; echo $$; while true; do sleep 0.1; done", 2);
  EXPECT_EQ(result.end, End::timed_out);
  EXPECT_EQ(result.code, SIGKILL);
  EXPECT_TRUE(is_gone(result.standard_output));
}

TEST_F(Command, LeavesNothingRunning) {
  const auto result = run("sleep 1000 > /dev/null & echo $!");
  EXPECT_EQ(result.end, End::exited);
  EXPECT_TRUE(is_gone(result.standard_output));
}

TEST_F(Command, IsStoppedWhereItIsAskedTo) {
  EXPECT_EQ(run("sleep 1000", 1000, [] { return true; }).end, End::stopped);
}

TEST_F(Command, SeesTheUsersEnvironmentButNotTheLaunchers) {
  ::setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  ::setenv("PMIX_RANK", "3", 1);
  ::setenv("OMPI_MCA_btl", "self", 1);
  EXPECT_EQ(run("echo [$OMPI_COMM_WORLD_RANK$PMIX_RANK][$OMPI_MCA_btl]").standard_output, "[][self]\n");
}

TEST(ShellQuoted, IsOneWord) {
  EXPECT_EQ(shell_quoted("swept/drop_rate=0.9,seed=1"), "swept/drop_rate=0.9,seed=1");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_quoted(""), "''");
}

}  // namespace
}  // namespace dare::sweep
