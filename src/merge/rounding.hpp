#pragma once
/// Stochastic rounding's draws.

#include <cstdint>
#include <limits>

namespace dare::merge {

/// The stream that they come from (semantics.md 3): one that no model has by its position.
inline constexpr std::uint64_t k_rounding_stream = std::numeric_limits<std::uint64_t>::max();

}  // namespace dare::merge
