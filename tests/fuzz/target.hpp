#pragma once
/// What every fuzz target shares: bytes that must be read or refused, and nothing else.

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dare::fuzz {

/// Bytes as a file without a place on the disk.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_{::memfd_create("fuzz", MFD_CLOEXEC)} {
    if (fd_ < 0 || ::write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }
  [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// Ends the program if `holds` is false: something was accepted that must not be.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "accepted, but " << what << '\n';
  std::abort();
}

/// Runs a parser; an error of the project with a text of reasonable length is a fair answer, any other exception is a finding.
template <class Read>
int read_or_refuse(Read&& read) {
  constexpr std::size_t k_longest_text = 20'000;
  try {
    read();
  } catch (const Error& error) { require(std::string_view{error.what()}.size() < k_longest_text, "its message is as long as a file"); }
  return 0;
}

}  // namespace dare::fuzz
