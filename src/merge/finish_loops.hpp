#pragma once
/// Rounding of a strip's results without a branch an element; compiled once per instruction set.

#include "merge/strip.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace dare::merge {

/// What became of a strip's elements.
struct Rounded {
  std::uint32_t largest = 0;    ///< magnitude: bits of a bfloat16 without its sign; 0x7F80 and above is not finite
  std::uint32_t swallowed = 0;  ///< elements that were moved, and come out as the base
};

/// Rounds results to nearest as bfloat16, where the base stays takes its own. @param out  2 bytes an element
/// @pre the base's values are bfloat16's
[[nodiscard]] Rounded round_to_bf16(const Strip<float>& strip, std::span<std::byte> out);

}  // namespace dare::merge
