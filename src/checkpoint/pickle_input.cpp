#include "checkpoint/pickle_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace dare::checkpoint::pickle {
namespace {

constexpr std::uint64_t k_buffer = 65'536;
constexpr std::size_t k_longest_line = 255;  // module and name of a global

}  // namespace

Input::Input(std::span<const std::byte> bytes)
    : Input{[bytes](std::uint64_t offset, std::span<std::byte> out) {
              if (!out.empty()) std::memcpy(out.data(), bytes.data() + offset, out.size());
            },
            bytes.size()} {}

std::string_view Input::take(std::uint64_t n) {
  // What a length claims is checked before space is made for it.
  if (n > left())
    throw Refusal{
        fmt::format("byte {}: the pickle ends after {} bytes, {} more were expected; fetch the file again", position_, end_, n - left())};
  if (position_ < buffer_begin_ || position_ + n > buffer_begin_ + buffer_.size()) {
    buffer_.resize(std::min(left(), std::max(n, k_buffer)));
    buffer_begin_ = position_;
    read_at_(position_, buffer_);
  }
  const std::string_view bytes{reinterpret_cast<const char*>(buffer_.data()) + (position_ - buffer_begin_), n};
  position_ += n;
  return bytes;
}

std::string Input::line() {
  std::string text;
  const auto begin = position_;
  for (char c = take(1).front(); c != '\n'; c = take(1).front()) {
    if (text.size() == k_longest_line)
      throw Refusal{fmt::format("byte {}: a name of more than {} bytes; fetch the file again", begin, k_longest_line)};
    text += c;
  }
  return text;
}

std::uint64_t Input::number(std::size_t n) {
  const auto bytes = take(n);
  std::uint64_t value = 0;
  for (std::size_t i = n; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace dare::checkpoint::pickle
