#pragma once
/// Exact conversions of single elements and of runs, for every floating type.

#include <dare/core/dtype.hpp>

#include <cstdint>
#include <span>

namespace dare::merge {

/// A value in a type of at most 64 bits.
struct Code {
  std::uint64_t bits = 0;
  bool overflow = false;  ///< a finite value that became infinite (E4M3: or an infinity, which it lacks)
};

/// One rounding, half to even. NaN becomes the positive quiet NaN without payload.
[[nodiscard]] Code encode(Dtype to, double value) noexcept;
/// The largest finite value of `to` with the sign of `value`.
[[nodiscard]] std::uint64_t saturated(Dtype to, double value) noexcept;

/// Exact. @param in  n elements of `from`, any alignment.  @pre float holds every value of `from`, where W is float
template <class W>
void widen(Dtype from, std::span<const std::byte> in, std::span<W> out) noexcept;

/// Stores the low bytes of `bits` as element `i`.
void store(std::span<std::byte> out, unsigned bytes, std::size_t i, std::uint64_t bits) noexcept;

}  // namespace dare::merge
