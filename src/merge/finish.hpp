#pragma once
/// From results in the working type to the output's bytes.

#include "merge/convert.hpp"
#include "merge/findings.hpp"
#include "merge/strip.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace dare::merge {

/// What finishing a strip needs beside it.
struct FinishScratch {
  std::array<std::uint16_t, k_strip> draws;  // of stochastic rounding
};

/// @param base_bytes  the strip's in the base; empty where the base has none.
/// @param bad         elements that have an input which is not finite.
/// @param out         bytes for the strip's elements.
template <class W>
void finish(const Strip<W>& strip, std::span<const std::byte> base_bytes, std::span<const bool> bad, std::span<std::byte> out,
            Counts& counts, Findings& findings, FinishScratch& scratch);

/// Rounds to a type of 16 bits: away from 0 iff `draw` is below the 16 highest of the discarded bits.
[[nodiscard]] Code encode_stochastic(Dtype to, float value, std::uint16_t draw) noexcept;

}  // namespace dare::merge
