/// Hostile programs. Each does what it says for real, so each is harmless where the sandbox fails: forks are at most 100, files are the
/// test's own.
#include "support/temp_folder.hpp"

#include <dare/metrics/sandbox.hpp>

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <dare/core/error.hpp>

#include <chrono>
#include <fstream>

namespace dare::metrics {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;

// A root's own interpreter may lie where no other user can run it.
std::string python() {
  return ::access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : "python3";
}

// Processes whose command line holds `mark`.
int processes_with(const std::string& mark) {
  int n = 0;
  for (const auto& process : fs::directory_iterator{"/proc"}) {
    std::ifstream file{process.path() / "cmdline"};
    const std::string line{std::istreambuf_iterator<char>{file}, {}};
    n += line.find(mark) != std::string::npos ? 1 : 0;
  }
  return n;
}

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    ::chmod(folder_.path().c_str(), 0755);
    options_.python = python();
    options_.scratch = folder_.path();
    options_.limits.seconds = 20;  // of tests that must not meet it
    options_.limits.processes = 16;
  }
  ~SandboxTest() override { EXPECT_TRUE(fs::is_empty(folder_.path())) << "a scratch folder was left"; }

  ProgramResult run(const std::string& program) {
    ProgramResult out;
    Sandbox sandbox{options_};
    sandbox.run(
        1, [&](std::size_t) { return program; }, 1, [&](std::size_t, const ProgramResult& result) { out = result; }, [] { return false; });
    return out;
  }
  bool protects(const std::string& gap) {
    const auto gaps = Sandbox{options_}.gaps();
    return std::none_of(gaps.begin(), gaps.end(), [&](const std::string& g) { return g.find(gap) != std::string::npos; });
  }

  test::TempFolder folder_;
  SandboxOptions options_;
};

TEST_F(SandboxTest, AProgramThatRunsToItsEndPasses) {
  const auto result = run("import math, os\nassert math.gcd(12, 18) == 6\nopen('f', 'w').write('x')\nassert os.listdir('.') == ['f']\n");
  EXPECT_EQ(result.verdict, Verdict::passed);
  EXPECT_EQ(result.detail, "");
  EXPECT_GT(result.elapsed_s, 0);
}

TEST_F(SandboxTest, OthersFail) {
  const std::pair<const char*, const char*> cases[] = {
      {"assert 1 == 2, 'no'", "AssertionError: no"},
      {"def f(:", "SyntaxError: invalid syntax"},
      {"import sys; sys.exit(0)", "SystemExit: 0"},
      {"import os; os._exit(0)", "exit code 0 before its end"},
      {"import os; os._exit(7)", "exit code 7 before its end"},
      {"import os; os.kill(os.getpid(), 11)", "killed by signal 11 (Segmentation fault)"},
      {"print('\\x1b[31mred', flush=True); import os; os._exit(1)", "\\x1b[31mred"},
      {"import os\nos.write(4, b'0' * 32)\n", "exit code 0 before its end"},  // a guessed token
      {"open('big', 'wb').write(b'x' * (1 << 27))", "OSError: [Errno 27] File too large"},
      {"x = bytearray(1 << 31)", "MemoryError"},
  };
  for (const auto& [program, detail] : cases) {
    const auto result = run(program);
    EXPECT_EQ(result.verdict, Verdict::failed) << program;
    EXPECT_EQ(result.detail, detail) << program;
  }
}

TEST_F(SandboxTest, AChildDoesNotPassForItsParent) {
  // The child runs to the end of the program, the parent fails.
  EXPECT_EQ(run("import os\npid = os.fork()\nif pid:\n  os.waitpid(pid, 0)\n  raise ValueError('parent')\n").verdict, Verdict::failed);
}

TEST_F(SandboxTest, EndsAProgramWhoseTimeIsOver) {
  options_.limits.seconds = 1;
  for (const auto* program :
       {"while True: pass", "import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)"}) {
    const auto result = run(program);
    EXPECT_EQ(result.verdict, Verdict::timeout) << program;
    EXPECT_EQ(result.detail, "running after 1 s");
    EXPECT_LT(result.elapsed_s, 20);
  }
}

TEST_F(SandboxTest, EndsAProgramThatPrintsWithoutEnd) {
  const auto result = run("while True: print('x' * 1000)");
  EXPECT_EQ(result.verdict, Verdict::output);
  EXPECT_EQ(result.detail, "printed more than 1048576 bytes");
}

TEST_F(SandboxTest, ForksAreLimitedAlsoForRoot) {
  const auto result = run(R"(
import os, time
n = 0
for i in range(100):
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        n += 1
    except OSError as error:
        raise RuntimeError('%d forks' % n)
)");
  EXPECT_EQ(result.verdict, Verdict::failed);
  // 15 beside the program; where the kernel counts all of a user's processes, one or two more.
  EXPECT_THAT(result.detail, MatchesRegex("RuntimeError: 1[5-7] forks"));
}

TEST_F(SandboxTest, NothingOutlivesAProgram) {
  const auto mark = "dare-orphan-" + std::to_string(::getpid());
  const auto result = run(R"(
import os, sys, time
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.set_inheritable(w, True)
        os.execv(sys.executable, [sys.executable, '-c', 'import os, time; os.write(%d, b"x"); time.sleep(60)' % w, ')" +
                          mark + R"('])
    os._exit(0)
assert os.read(r, 1) == b'x'  # it lives
)");
  EXPECT_EQ(result.verdict, Verdict::passed) << result.detail;
  EXPECT_EQ(processes_with(mark), 0);
}

TEST_F(SandboxTest, MemoryOfAllProcessesTogetherIsLimited) {
  if (!protects("memory limit")) GTEST_SKIP() << "this system allows no /proc of its own to a program";
  options_.limits.memory = std::uint64_t{256} << 20U;
  const auto result = run(R"(
import os, time
for i in range(4):
    if os.fork() == 0:
        block = bytearray(100 << 20)
        for j in range(0, len(block), 4096):
            block[j] = 1
        time.sleep(60)
time.sleep(60)
)");
  EXPECT_EQ(result.verdict, Verdict::memory);
  EXPECT_EQ(result.detail, "held more than 268435456 bytes");
}

TEST_F(SandboxTest, KillingItsParentDoesNotPassNorHang) {
  const auto result = run("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(0.2)\nraise ValueError('alive')\n");
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_THAT(result.detail, testing::AnyOf(HasSubstr("PermissionError"), HasSubstr("alive"), HasSubstr("killed the process")));
}

TEST_F(SandboxTest, FilesOfOthersStay) {
  if (!protects("files") || !protects("write where")) GTEST_SKIP() << "this system allows no mount namespace to a program";
  const test::TempFolder others{fs::current_path()};  // a temporary folder would be hidden
  fs::create_directory(others / "d");
  std::ofstream{others / "d/f"} << "mine";
  for (const auto& path : {others.path(), others / "d", others / "d/f"}) ::chmod(path.c_str(), 0777);
  const auto result = run("import os, shutil\nd = '" + others.path().string() +
                          "'\nseen = os.listdir(d + '/d')\nshutil.rmtree(d, ignore_errors=True)\n"
                          "try: open(d + '/d/f', 'w')\nexcept OSError as e: raise RuntimeError(seen, e.errno)\n");
  EXPECT_THAT(result.detail, testing::AnyOf("RuntimeError: (['f'], 30)", HasSubstr("FileNotFoundError")));  // EROFS; in one's home: hidden
  std::string text;
  std::ifstream{others / "d/f"} >> text;
  EXPECT_EQ(text, "mine");
}

TEST_F(SandboxTest, FilesTogetherAreLimited) {
  if (!protects("files") || !protects("write where")) GTEST_SKIP() << "this system allows no mount namespace to a program";
  const auto result = run("for i in range(8): open(str(i), 'wb').write(b'x' * (20 << 20))");
  EXPECT_EQ(result.detail, "OSError: [Errno 28] No space left on device");
}

TEST_F(SandboxTest, NoNetwork) {
  if (!protects("network")) GTEST_SKIP() << "this system allows no network namespace to a program";
  const auto result = run("import socket\ns = socket.socket()\ns.connect(('127.0.0.1', 9))");
  EXPECT_THAT(result.detail,
              testing::AnyOf("PermissionError: [Errno 1] Operation not permitted", "OSError: [Errno 101] Network is unreachable"));
}

TEST_F(SandboxTest, CallsThatGoAroundTheLimitsAreRefused) {
  if (!protects("no seccomp")) GTEST_SKIP() << "no seccomp in this system or this build";
  const auto result = run(R"(
import ctypes, errno, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def refused(what, call, *arguments):
    ctypes.set_errno(0)
    assert call(*arguments) == -1 and ctypes.get_errno() == errno.EPERM, (what, ctypes.get_errno())
refused('memfd_create', libc.memfd_create, b'm', 0)
refused('shmget', libc.shmget, 0, 4096, 0o1600)
for flag in (0x10000000, 0x00020000, 0x40000000):
    refused('unshare', libc.unshare, flag)
refused('mount', libc.mount, b'none', b'.', b'tmpfs', 0, None)
refused('ptrace', libc.ptrace, 0, 0, 0, 0)
refused('setns', libc.setns, 0, 0)
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET):
    for kind in (socket.SOCK_STREAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
        except PermissionError:
            continue
        raise AssertionError(family)
for kind in (socket.SOCK_DGRAM, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.SOCK_RAW):
    try:
        socket.socketpair(socket.AF_UNIX, kind)
    except PermissionError:
        continue
    raise AssertionError(kind)
# What programs use goes on.
a, b = socket.socketpair()
a.send(b'x')
assert b.recv(1) == b'x'
import multiprocessing, threading
thread = threading.Thread(target=a.close)
thread.start()
thread.join()
assert subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout == b'1\n'
r, w = multiprocessing.Pipe()
if os.fork() == 0:
    w.send(7)
    os._exit(0)
assert r.recv() == 7
)");
  EXPECT_EQ(result.detail, "");
  EXPECT_EQ(result.verdict, Verdict::passed);
}

TEST_F(SandboxTest, SharedMemoryOfAllProcessesIsLimited) {
  if (!protects("memory limit")) GTEST_SKIP() << "this system allows no /proc of its own to a program";
  options_.limits.memory = std::uint64_t{200} << 20U;
  const auto program = [](const std::string& after_fork) {
    return R"(
import ctypes, mmap, os, time
for i in range(4):
    if os.fork() == 0:
)" + after_fork +
           R"(
        block = mmap.mmap(-1, 100 << 20)  # MAP_SHARED
        for j in range(0, len(block), 4096):
            block[j] = 1
        time.sleep(60)
time.sleep(60)
)";
  };
  EXPECT_EQ(run(program("")).verdict, Verdict::memory);
  // A process that forbids to be looked at (PR_SET_DUMPABLE) is counted all the same.
  EXPECT_EQ(run(program("        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)")).verdict, Verdict::memory);
}

TEST_F(SandboxTest, MemoryThatProcessesShareCountsOnce) {
  options_.limits.memory = std::uint64_t{300} << 20U;
  const auto result = run(R"(
import mmap, os, time
block = mmap.mmap(-1, 100 << 20)
touch = lambda: [block[j] for j in range(0, len(block), 4096)]
touch()
children = []
for i in range(6):
    pid = os.fork()
    if pid == 0:
        touch()
        time.sleep(0.5)
        os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
)");
  EXPECT_EQ(result.verdict, Verdict::passed) << result.detail;
}

TEST_F(SandboxTest, HomesSocketsAndTemporaryFilesAreHidden) {
  if (!protects("your files") || !protects("pipes and files")) GTEST_SKIP() << "this system allows no mount namespace to a program";
  const test::TempFolder home{fs::current_path()};
  const test::TempFolder temporary;
  for (const auto* folder : {&home, &temporary}) {
    ::chmod(folder->path().c_str(), 0755);
    std::ofstream{*folder / "f"} << "secret";
    ASSERT_EQ(::mkfifo((*folder / "fifo").c_str(), 0666), 0);
  }
  const auto* old_home = std::getenv("HOME");
  const std::string kept = old_home != nullptr ? old_home : "/";
  ::setenv("HOME", home.path().c_str(), 1);
  const auto result = run(R"(
import os
for folder in (')" + home.path().string() +
                          "', '" + temporary.path().string() + R"('):
    assert not os.path.exists(folder + '/f') and not os.path.exists(folder + '/fifo'), folder
for folder in ('/run', '/var/tmp'):
    assert not os.path.isdir(folder) or os.listdir(folder) == [], os.listdir(folder)
assert set(os.listdir('/dev')) <= {'null', 'zero', 'full', 'random', 'urandom', 'fd', 'stdin', 'stdout', 'stderr', 'shm'}, os.listdir('/dev')
open('/dev/null', 'w').write('x')
assert len(os.urandom(4)) == 4 and open('/dev/zero', 'rb').read(2) == bytes(2)
)");
  ::setenv("HOME", kept.c_str(), 1);
  EXPECT_EQ(result.detail, "");
}

TEST_F(SandboxTest, AnInterpreterInAHiddenFolderRuns) {
  const auto bin = folder_ / "venv/bin";  // the fixture's folder is a temporary one
  fs::create_directories(bin);
  fs::create_symlink(python(), fs::path{bin} / "python");
  std::ofstream{folder_ / "venv/pyvenv.cfg"} << "home = /usr/bin\n";
  options_.python = bin / "python";
  fs::create_directory(folder_ / "scratch");
  options_.scratch = folder_ / "scratch";
  const auto result = run("import sys; assert sys.prefix.endswith('/venv'), sys.prefix");
  EXPECT_EQ(result.detail, "");
  fs::remove_all(folder_ / "venv");
  EXPECT_TRUE(fs::remove(folder_ / "scratch"));
}

TEST_F(SandboxTest, ARelativeScratchFolderIsFoundFromEverywhere) {
  options_.scratch = fs::relative(folder_.path());
  EXPECT_EQ(run("import os, tempfile\nassert os.environ['HOME'] == os.getcwd() == tempfile.gettempdir(), os.environ['HOME']").detail, "");
}

TEST_F(SandboxTest, ProgramsAreNotRoot) {
  if (::geteuid() == 0 && !protects("signal")) GTEST_SKIP() << "root of a user namespace with one user in it";
  EXPECT_EQ(
      run("import os\nassert os.getuid() != 0 and os.geteuid() != 0 and os.getgid() != 0 and os.getgroups() in ([], [os.getgid()])").detail,
      "");
}

TEST_F(SandboxTest, LeavesFoldersThatCannotBeEntered) {
  EXPECT_EQ(run("import os\nos.makedirs('a/b')\nopen('a/b/c', 'w')\nos.chmod('a/b', 0)\nos.chmod('a', 0)").verdict, Verdict::passed);
}  // the fixture looks for what is left

TEST_F(SandboxTest, SeveralAtATimeGiveEachTheirOwn) {
  Sandbox sandbox{options_};
  std::vector<std::string> details(9);
  sandbox.run(
      details.size(), [](std::size_t i) { return "raise ValueError(" + std::to_string(i) + ")"; }, 3,
      [&](std::size_t i, const ProgramResult& result) { details[i] = result.detail; }, [] { return false; });
  for (std::size_t i = 0; i < details.size(); ++i) EXPECT_EQ(details[i], "ValueError: " + std::to_string(i));
}

TEST_F(SandboxTest, StopKillsWhatRuns) {
  Sandbox sandbox{options_};
  const auto mark = "dare-stopped-" + std::to_string(::getpid());
  const auto program = "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', '" + mark + "'])";
  const auto run = [&] {
    sandbox.run(
        5, [&](std::size_t) { return program; }, 2, [](std::size_t, const ProgramResult&) {}, [&] { return processes_with(mark) == 2; });
  };
  try {
    run();
    FAIL() << "not interrupted";
  } catch (const Interrupted& error) { EXPECT_STREQ(error.what(), "stopped with 5 of 5 programs not run to their end"); }
  for (int i = 0; i < 500 && processes_with(mark) > 0; ++i) ::usleep(10'000);  // the kernel's own pace
  EXPECT_EQ(processes_with(mark), 0);
}

TEST_F(SandboxTest, RefusesWhatCannotWork) {
  options_.python = "no-such-python";
  try {
    Sandbox{options_};
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "--python no-such-python: no such program; give the path of a Python 3 interpreter");
  }
  options_.python = "/bin/false";
  try {
    Sandbox{options_};
    FAIL();
  } catch (const IoError& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr("/bin/false: a small program that should pass does not (failed: exit code 1 before its end); name an interpreter"));
  }
}

}  // namespace
}  // namespace dare::metrics
