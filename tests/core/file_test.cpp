#include <dare/core/file.hpp>

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace dare {
namespace {

// As when a run that ends removes the journal that the next one is about to lock.
TEST(File, IsOpenedOrMadeWhileItIsRemoved) {
  const test::TempFolder folder;
  const auto path = folder / "journal";
  std::atomic<bool> ended = false;
  std::atomic<int> removed = 0;
  std::thread remover{[&] {
    std::error_code ignored;
    while (!ended) removed += std::filesystem::remove(path, ignored) ? 1 : 0;
  }};
  std::string problem;
  try {
    for (int i = 0; removed < 20'000 && i < 1'000'000; ++i) EXPECT_TRUE(File::open_or_create(path).is_open());
  } catch (const std::exception& error) { problem = error.what(); }
  ended = true;
  remover.join();
  EXPECT_EQ(problem, "");
  EXPECT_GT(removed, 0);
}

}  // namespace
}  // namespace dare
