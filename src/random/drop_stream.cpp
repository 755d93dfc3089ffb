#include <dare/core/hash.hpp>
#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace dare::random {
namespace {

constexpr std::uint32_t k_refine = std::uint32_t{1} << 31U;  // in counter word 1

std::uint64_t key_of(std::uint64_t seed, std::uint64_t stream) noexcept {
  std::array<std::byte, 16> bytes{};
  for (unsigned i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(seed >> (8 * i));
    bytes[8 + i] = static_cast<std::byte>(stream >> (8 * i));
  }
  return hash64(bytes);
}

PhiloxCounter block_words(std::uint64_t block, std::uint64_t name64, std::uint64_t key64, std::uint32_t flag) noexcept {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); };
  return philox4x32_10({low(block), high(block) | flag, low(name64), high(name64)}, {low(key64), high(key64)});
}

std::uint16_t half(const PhiloxCounter& words, std::uint64_t lane) noexcept {
  return static_cast<std::uint16_t>(words[lane >> 1U] >> ((lane & 1U) * 16U));
}

}  // namespace

std::uint64_t drop_threshold(double p) noexcept {
  return static_cast<std::uint64_t>(std::floor(p * 4294967296.0 + 0.5));
}

DropStream::DropStream(std::uint64_t seed, std::uint64_t stream, std::string_view name) noexcept
    : key64_{key_of(seed, stream)}, name64_{hash64(std::as_bytes(std::span{name}))} {}

std::uint16_t DropStream::refinement(std::uint64_t e) const noexcept {
  return half(block_words(e >> 3U, name64_, key64_, k_refine), e & 7U);
}

std::uint32_t DropStream::uniform(std::uint64_t e) const noexcept {
  const std::uint32_t high = half(block_words(e >> 3U, name64_, key64_, 0), e & 7U);
  return (high << 16U) | refinement(e);
}

void DropStream::high_halves(std::uint64_t first, std::span<std::uint16_t> out) const {
  for (std::size_t i = 0; i < out.size();) {
    const auto words = block_words((first + i) >> 3U, name64_, key64_, 0);
    for (auto lane = (first + i) & 7U; lane < 8 && i < out.size(); ++lane) out[i++] = half(words, lane);
  }
}

std::uint16_t DropStream::settle(std::uint64_t first, std::uint64_t threshold, std::span<std::uint16_t> high) const {
  assert(threshold < (std::uint64_t{1} << 32U));
  const auto tie = static_cast<std::uint16_t>(threshold >> 16U);
  const auto rest = threshold & 0xFFFFU;
  if (rest == 0) return tie;
  if (tie == 0) {
    // Nothing lies below 0, so the limit is 1 here: 0 stands for dropped, and kept zeros become the value above.
    for (std::size_t i = 0; i < high.size(); ++i) {
      if (high[i] == 0 && refinement(first + i) >= rest) high[i] = 1;
    }
    return 1;
  }
  for (std::size_t i = 0; i < high.size(); ++i) {
    if (high[i] == tie && refinement(first + i) < rest) high[i] = 0;
  }
  return tie;
}

}  // namespace dare::random
