#include "sweep/dealer.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_beginning = ".dealt-";
constexpr std::string_view k_stop = "stop";

// True for the one process that makes the file. Exclusive creation holds on network file systems too. Something is written into it: a group
// that could not write down what it makes learns so before it makes it, not hours later.
bool make(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) return false;
  if (fd < 0) throw IoError{fmt::format("{}: cannot be made: {}", file.string(), std::strerror(errno))};
  bool written = ::write(fd, "\n", 1) == 1;
  int error = errno;
  if (::close(fd) != 0 && written) {  // where a network file system says so
    written = false;
    error = errno;
  }
  if (!written) throw IoError{fmt::format("{}: cannot be written: {}", file.string(), std::strerror(error))};
  return true;
}

}  // namespace

std::optional<std::uint64_t> Dealer::take() {
  if (fs::exists(folder_ / k_stop)) return std::nullopt;
  while (next_ < pieces_) {
    const auto piece = next_++;
    if (make(folder_ / std::to_string(piece))) return piece;
  }
  return std::nullopt;
}

std::uint64_t Dealer::count() {
  while (!make(folder_ / fmt::format("count-{}", ++counted_))) {}
  return counted_;
}

void Dealer::stop() {
  (void)make(folder_ / k_stop);
}

fs::path make_dealing_folder(const fs::path& parent) {
  // What killed runs have left.
  for (const auto& entry : fs::directory_iterator{parent}) {
    if (entry.path().filename().string().starts_with(k_beginning)) fs::remove_all(entry.path());
  }
  // Nodes may remember for a while what a folder of that name held before.
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  auto folder = parent / fmt::format("{}{}-{}", k_beginning, now, ::getpid());
  std::error_code error;
  if (!fs::create_directory(folder, error)) throw IoError{fmt::format("{}: cannot be made: {}", folder.string(), error.message())};
  return folder;
}

}  // namespace dare::sweep
