#pragma once
/// Loops of the sparsifiers without a branch an element, which compilers make vectors of; compiled once per instruction set.

#include <cstdint>
#include <span>

namespace dare::merge {

/// A Cut among the elements of a strip.
struct StripCut {
  std::uint64_t key = 0;
  std::uint32_t tie_end = 0;  ///< of the strip's elements, at most their number
};

/// mask[i] is 1 where key_of(delta[i]) is selected by `kept` and below `outlier`, or equal to it and before its tie_end; else 0.
void mark_between(std::span<const float> delta, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> mask);
void mark_between(std::span<const double> delta, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> mask);

/// mask[i] is 1 where draws[i] >= limits[i], else 0. @return whether some are equal
[[nodiscard]] bool mark_drawn(std::span<const std::uint16_t> draws, std::span<const std::uint32_t> limits, std::span<std::uint8_t> mask);

}  // namespace dare::merge
