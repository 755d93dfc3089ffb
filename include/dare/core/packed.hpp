#pragma once
/// Elements of any size without gaps: those of 4 and 6 bits share bytes, the first in the lowest bits.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace dare {

/// Bytes that hold `elements` of `bits` each; the last may be filled in part. @pre elements * bits + 7 < 2^64
[[nodiscard]] constexpr std::uint64_t packed_bytes(std::uint64_t elements, std::uint64_t bits) noexcept {
  return (elements * bits + 7) / 8;
}

/// Element `i` of little-endian ones of `bits` each, of which the first begins `bytes`: its bits, the rest 0.
/// @param bits  as in DtypeInfo: 4, 6, 8, 16, 32 or 64.  @pre the element lies in `bytes`
[[nodiscard]] inline std::uint64_t element_bits(std::span<const std::byte> bytes, unsigned bits, std::uint64_t i) noexcept {
  const auto bit = i * bits;
  const auto first = static_cast<std::size_t>(bit / 8);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + first, std::min<std::size_t>(bits < 8 ? 2 : bits / 8, bytes.size() - first));
  return bits < 8 ? (value >> (bit % 8)) & ((std::uint64_t{1} << bits) - 1) : value;
}

}  // namespace dare
