#pragma once
/// The bytes of a pickle, one after the other, whether they lie in memory or in a file.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dare::checkpoint::pickle {

/// Why a pickle is not read: what was found, beside what was expected, and what to do. Who knows the file puts its name in front.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads forward in small pieces; holds a buffer, or one item where that is larger.
class Input {
 public:
  using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

  /// @param read_at  fills `out` from an offset; errors of its own go through.
  /// @param end      no byte from here on is asked for.
  Input(ReadAt read_at, std::uint64_t end) : read_at_{std::move(read_at)}, end_{end} {}
  /// @pre `bytes` outlives it.
  explicit Input(std::span<const std::byte> bytes);

  /// The next n bytes; they live until the next call. @throws Refusal  fewer are left.
  [[nodiscard]] std::string_view take(std::uint64_t n);
  /// Passes n bytes. @throws Refusal  fewer are left.
  void skip(std::uint64_t n) { static_cast<void>(take(n)); }
  /// The next bytes up to a line feed, which is passed and not returned. @throws Refusal  none within 255 bytes.
  [[nodiscard]] std::string line();
  /// An unsigned little-endian number of n <= 8 bytes.
  [[nodiscard]] std::uint64_t number(std::size_t n);
  /// Bytes passed so far.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t left() const noexcept { return end_ - position_; }

 private:
  ReadAt read_at_;
  std::uint64_t end_;
  std::uint64_t position_ = 0;
  std::uint64_t buffer_begin_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace dare::checkpoint::pickle
