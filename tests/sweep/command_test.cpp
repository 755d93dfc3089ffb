#include "sweep/command.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/file.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
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

TEST_F(Command, LeavesNothingRunningInASessionOfItsOwn) {
  for (const double limit : {30.0, 0.3}) {
    const auto result = run("setsid sleep 1000 > /dev/null & echo $!; sleep " + std::string{limit < 1 ? "1000" : "0.1"}, limit);
    EXPECT_EQ(result.end, limit < 1 ? End::timed_out : End::exited);
    EXPECT_TRUE(is_gone(result.standard_output));
  }
  const auto result = run("(setsid sh -c 'echo $$; exec sleep 1000' &) ; sleep 0.3");
  EXPECT_TRUE(is_gone(result.standard_output)) << result.standard_output;
}

TEST_F(Command, HasTimeToCleanUp) {
  const auto result = run("trap 'echo cleaned; exit 3' TERM; echo ready; while true; do sleep 0.01; done", 0.3);
  EXPECT_EQ(result.end, End::timed_out);
  EXPECT_EQ(result.standard_output, "ready\ncleaned\n");
}

TEST_F(Command, DiesWithTheProcessThatRunsIt) {
  const auto pid_file = folder_.path() / "pid";
  const auto child = ::fork();
  if (child == 0) {
    (void)run("trap '' TERM; (setsid sh -c 'echo $$ > " + pid_file.string() + ".new; exec sleep 1000' &); sleep 0.2; mv " +
              pid_file.string() + ".new " + pid_file.string() + "; sleep 1000");
    ::_exit(0);
  }
  for (int tries = 0; tries < 1000 && !std::filesystem::exists(pid_file); ++tries) ::usleep(10'000);
  ASSERT_TRUE(std::filesystem::exists(pid_file));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(is_gone(read_text(pid_file)));
}

TEST_F(Command, GetsTheVariables) {
  ::setenv("POINT", "another", 1);
  const auto result = run_command("echo \"$CHECKPOINT|$POINT\"", std::chrono::seconds{30}, folder_.path() / "log", [] { return false; },
                                  {{"CHECKPOINT", "a b"}, {"POINT", "p"}});
  EXPECT_EQ(result.standard_output, "a b|p\n");
}

TEST_F(Command, IsStoppedWhereItIsAskedTo) {
  EXPECT_EQ(run("sleep 1000", 1000, [] { return true; }).end, End::stopped);
}

TEST_F(Command, SeesTheUsersEnvironmentButNotTheLaunchers) {
  ::setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  ::setenv("PMIX_RANK", "3", 1);
  ::setenv("OMPI_MCA_btl", "self", 1);
  for (const auto* name : {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_STEP_ID", "SLURM_STEPID"})
    ::setenv(name, "3", 1);
  ::setenv("SLURM_JOB_ID", "9", 1);
  EXPECT_EQ(run("echo [$OMPI_COMM_WORLD_RANK$PMIX_RANK][$OMPI_MCA_btl]").standard_output, "[][self]\n");
  EXPECT_EQ(run("env | grep ^SLURM_").standard_output, "SLURM_JOB_ID=9\n");
}

TEST(ShellQuoted, IsOneWord) {
  EXPECT_EQ(shell_quoted("swept/drop_rate=0.9,seed=1"), "swept/drop_rate=0.9,seed=1");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_quoted(""), "''");
}

}  // namespace
}  // namespace dare::sweep
