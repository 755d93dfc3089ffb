#include <dare/random/drop_stream.hpp>

#include "random/philox_simd.hpp"

#include <dare/core/hash.hpp>

#include <algorithm>
#include <array>
#include <cassert>

namespace dare::random {
namespace {

constexpr std::uint32_t k_refine = std::uint32_t{1} << 31U;  // in counter word 1

static_assert(k_block_quantum * k_block_draws == 256, "room_for");

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
  return static_cast<std::uint64_t>(p * 4294967296.0 + 0.5);  // which cuts off, as floor does of what is not negative
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
  // Whole blocks go to a buffer in the first-level cache: neither end of `out` need lie at a block's.
  constexpr std::size_t k_chunk = 1024;
  alignas(64) std::array<std::uint16_t, k_chunk> buffer;
  while (!out.empty()) {
    const auto skip = static_cast<std::size_t>(first & 7U);
    const auto count = std::min(out.size(), k_chunk - skip);
    (void)fill_draws({key64_, name64_, first >> 3U}, (skip + count + 7) / k_block_draws, 0, buffer.data());
    std::copy_n(buffer.data() + skip, count, out.data());
    out = out.subspan(count);
    first += count;
  }
}

std::span<std::uint16_t> DropStream::high_halves(std::uint64_t first, std::size_t n, std::span<std::uint16_t> room) const {
  assert(room.size() >= room_for(n));
  const auto skip = static_cast<std::size_t>(first & 7U);
  (void)fill_draws({key64_, name64_, first >> 3U}, (skip + n + 7) / k_block_draws, 0, room.data());
  return room.subspan(skip, n);
}

std::uint16_t DropStream::settle(std::uint64_t first, std::uint64_t threshold, std::span<std::uint16_t> high) const {
  assert(threshold < k_drops_all);
  const auto tie = static_cast<std::uint16_t>(threshold >> 16U);
  const auto rest = threshold & 0xFFFFU;
  if (rest == 0) return tie;
  const auto n = high.size();
  for (auto i = find_draw(high.data(), 0, n, tie); i < n; i = find_draw(high.data(), i + 1, n, tie)) {
    const auto dropped = refinement(first + i) < rest;
    // Nothing lies below 0, so there the limit is 1: 0 stands for dropped, and kept zeros become the value above.
    if (tie == 0 && !dropped) high[i] = 1;
    if (tie != 0 && dropped) high[i] = 0;
  }
  return tie == 0 ? std::uint16_t{1} : tie;
}

DropStream::Settled DropStream::settled(std::uint64_t first, std::size_t n, std::uint64_t threshold, std::span<std::uint16_t> room) const {
  assert(room.size() >= room_for(n));
  const auto skip = static_cast<std::size_t>(first & 7U);
  const auto tie = static_cast<std::uint16_t>(threshold >> 16U);
  const auto found = fill_draws({key64_, name64_, first >> 3U}, (skip + n + 7) / k_block_draws, tie, room.data());
  const auto draws = room.subspan(skip, n);
  if (found || tie == 0) return {draws.data(), settle(first, threshold, draws)};
  return {draws.data(), tie};
}

DropStream::Settled DropStream::settled(std::uint64_t first, std::span<const std::uint16_t> high, std::uint64_t threshold,
                                        std::span<std::uint16_t> room) const {
  assert(threshold < k_drops_all && room.size() >= room_for(high.size()));
  const auto tie = static_cast<std::uint16_t>(threshold >> 16U);
  const bool settles = (threshold & 0xFFFFU) != 0 && (tie == 0 || find_draw(high.data(), 0, high.size(), tie) < high.size());
  if (!settles) return {high.data(), tie};
  const auto draws = room.first(high.size());
  std::copy(high.begin(), high.end(), draws.begin());
  return {draws.data(), settle(first, threshold, draws)};
}

}  // namespace dare::random
