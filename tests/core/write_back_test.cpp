#include <dare/core/write_back.hpp>

#include <gtest/gtest.h>

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

namespace {

std::mutex g_mutex;
std::vector<std::tuple<int, off64_t, off64_t>> g_asked;  // descriptor, offset, bytes

}  // namespace

// In the place of the C library's: what would reach the kernel.
extern "C" int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned /*flags*/) {
  const std::lock_guard lock{g_mutex};
  g_asked.emplace_back(fd, offset, bytes);
  return 0;
}

namespace {

using namespace dare;

constexpr auto k_portion = WriteBack::k_portion;
constexpr auto k_half = k_portion / 2;

// The requests, as soon as there are `count` of them; ascending.
std::vector<std::tuple<int, off64_t, off64_t>> asked(std::size_t count) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  for (;;) {
    {
      const std::lock_guard lock{g_mutex};
      if (g_asked.size() >= count || std::chrono::steady_clock::now() > until) {
        auto sorted = std::exchange(g_asked, {});
        std::sort(sorted.begin(), sorted.end());
        return sorted;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

std::ptrdiff_t threads() {
  const auto tasks = std::filesystem::directory_iterator{"/proc/self/task"};
  return std::distance(begin(tasks), end(tasks));
}

TEST(WriteBack, AsksForWholePortionsOfRunsThatComeInTurn) {
  WriteBack write_back;
  for (std::uint64_t half = 0; half < 5; ++half) {
    for (const int fd : {7, 8}) {
      for (const std::uint64_t run : {0, 100}) write_back.wrote(fd, run * k_portion + half * k_half, k_half);
    }
  }
  std::vector<std::tuple<int, off64_t, off64_t>> expected;
  for (const int fd : {7, 8}) {
    for (const std::uint64_t portion : {0, 1, 100, 101}) expected.emplace_back(fd, portion * k_portion, k_portion);
  }
  EXPECT_EQ(asked(expected.size()), expected);
}

TEST(WriteBack, LeavesTheOldestOfTooManyRunsToTheSync) {
  WriteBack write_back;
  constexpr std::uint64_t k_runs = 257;
  for (std::uint64_t run = 0; run < k_runs; ++run) write_back.wrote(7, run * k_portion, k_half);
  for (std::uint64_t run = k_runs; run-- > 1;) write_back.wrote(7, run * k_portion + k_half, k_half);
  const auto found = asked(k_runs - 1);
  ASSERT_EQ(found.size(), k_runs - 1);
  EXPECT_EQ(found.front(), std::make_tuple(7, static_cast<off64_t>(k_portion), static_cast<off64_t>(k_portion)));
}

TEST(WriteBack, AsksForTheRest) {
  const auto before = threads();
  WriteBack write_back;
  write_back.wrote(7, 0, 3 * k_half);
  write_back.wrote(8, 64, 16);
  write_back.ask_for_rest();
  EXPECT_EQ(threads(), before);
  const std::vector<std::tuple<int, off64_t, off64_t>> expected{{7, 0, 3 * k_half}, {8, 64, 16}};
  EXPECT_EQ(asked(2), expected);
  write_back.ask_for_rest();
  write_back.wrote(7, 3 * k_half, k_half + 1);
  write_back.ask_for_rest();
  EXPECT_EQ(asked(1).size(), 1U);
}

TEST(WriteBack, LeavesNoThreadBehindItsEndAndCanGoOn) {
  const auto before = threads();
  WriteBack write_back;
  write_back.wrote(7, 0, k_half);
  EXPECT_EQ(threads(), before);  // there is nothing to ask for yet
  write_back.wrote(7, k_half, k_half);
  EXPECT_EQ(threads(), before + 1);
  EXPECT_EQ(asked(1).size(), 1U);
  write_back.end();
  EXPECT_EQ(threads(), before);
  WriteBack moved{std::move(write_back)};
  moved.wrote(7, k_portion, k_half);
  moved.wrote(7, k_portion + k_half, k_half);
  EXPECT_EQ(asked(1).size(), 1U);
  moved.end();
  EXPECT_EQ(threads(), before);
}

// Threads with a stack that no address space has room for: none can be made.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{1} << 47U);
    EXPECT_EQ(pthread_setattr_default_np(&attributes), 0);
    pthread_attr_destroy(&attributes);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

TEST(WriteBack, LeavesAllToTheFsyncWhereNoThreadCanBeMade) {
  WriteBack write_back;
  const auto before = threads();
  {
    const NoThreads none;
    ASSERT_THROW(std::thread{[] {}}.join(), std::system_error);
    write_back.wrote(7, 0, k_portion);
    write_back.wrote(7, k_portion, 2 * k_portion);
    EXPECT_EQ(threads(), before);
  }
  write_back.wrote(7, 3 * k_portion, k_portion);  // now there is one
  EXPECT_EQ(asked(1), (std::vector<std::tuple<int, off64_t, off64_t>>{{7, 3 * k_portion, k_portion}}));
  write_back.end();
  EXPECT_EQ(threads(), before);
}

}  // namespace
