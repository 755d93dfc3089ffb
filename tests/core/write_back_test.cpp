#include <dare/core/file.hpp>
#include <dare/core/write_back.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace {

using namespace dare;

// Sparse, so that portions cost nothing: what counts is that requests of several runs in turn, more runs than are followed, and an end in
// the middle of them leave the bytes alone and no thread behind.
TEST(WriteBack, LeavesTheBytesAsTheyWereWritten) {
  const auto path = std::filesystem::temp_directory_path() / ("dare-write-back-" + std::to_string(::getpid()));
  auto file = File::create(path);
  constexpr std::uint64_t k_runs = 300;
  const std::vector<std::byte> data(4096, std::byte{0x5A});
  file.resize(k_runs * WriteBack::k_portion);
  WriteBack write_back;
  for (std::uint64_t half = 0; half < 2; ++half) {
    for (std::uint64_t run = 0; run < k_runs; ++run) {
      const auto begin = run * WriteBack::k_portion + half * WriteBack::k_portion / 2;
      file.write_at(begin, data);
      write_back.wrote(file.fd(), begin, WriteBack::k_portion / 2);
    }
  }
  write_back.end();
  write_back.wrote(file.fd(), 0, WriteBack::k_portion);  // it can go on after an end
  file.sync();
  write_back.end();
  const auto again = File::open_read(path);
  std::vector<std::byte> found(data.size());
  for (std::uint64_t at = 0; at < k_runs * WriteBack::k_portion; at += WriteBack::k_portion / 2) {
    again.read_at(at, found);
    ASSERT_EQ(found, data) << at;
    again.read_at(at + data.size(), found);
    ASSERT_EQ(found, std::vector<std::byte>(data.size())) << at;
  }
  std::filesystem::remove(path);
}

// A descriptor that is no file, or is gone, is no error of the writer: its own writes say what is wrong.
TEST(WriteBack, IgnoresWhatCannotBeAskedFor) {
  WriteBack write_back;
  write_back.wrote(-1, 0, WriteBack::k_portion);
  write_back.end();
  WriteBack moved{std::move(write_back)};
  moved.wrote(-1, 5, 1);
}

}  // namespace
