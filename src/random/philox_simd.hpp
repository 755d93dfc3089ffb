#pragma once
/// Philox4x32-10 over consecutive counters in vector registers, its words laid out as 16-bit draws in element order.

#include <dare/random/philox.hpp>

#include <cstddef>
#include <cstdint>

namespace dare::random {

/// A run of counters: the low half counts blocks, the high half is `name64`.
struct BlockRun {
  std::uint64_t key64 = 0;
  std::uint64_t name64 = 0;
  std::uint64_t first = 0;  ///< the first block; its bit 63 is the refinement's flag
};

inline constexpr std::size_t k_block_draws = 8;

/// Vectors are stored whole: buffers of draws need room for a multiple of this many blocks.
inline constexpr std::size_t k_block_quantum = 32;

/// The definition: one block's draws in element order.
inline void write_block(const BlockRun& run, std::uint64_t block, std::uint16_t* out) noexcept {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); };
  const auto words = philox4x32_10({low(block), high(block), low(run.name64), high(run.name64)}, {low(run.key64), high(run.key64)});
  for (std::size_t i = 0; i < k_block_draws; ++i) out[i] = static_cast<std::uint16_t>(words[i / 2] >> (16 * (i & 1U)));
}

/// Writes the draws of `blocks` blocks, and undefined ones up to the next multiple of k_block_quantum blocks.
/// @param out  room for all of these, k_block_draws each.
/// @return whether any draw written, the undefined ones included, may equal `tie`.
bool fill_draws(const BlockRun& run, std::size_t blocks, std::uint16_t tie, std::uint16_t* out);

/// The index of the first draw equal to `tie` in [from, n), or n.
[[nodiscard]] std::size_t find_draw(const std::uint16_t* draws, std::size_t from, std::size_t n, std::uint16_t tie);

}  // namespace dare::random
