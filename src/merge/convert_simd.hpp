#pragma once
/// Conversions between stored floats and working types in vectors.

#include <dare/core/dtype.hpp>

#include <cstddef>
#include <cstdint>

namespace dare::merge {

/// Exact, any alignment; NaN stays NaN. @pre from is no wider than 16 bits, for float
void widen_strip(Dtype from, const std::byte* in, std::size_t n, float* out);
void widen_strip(Dtype from, const std::byte* in, std::size_t n, double* out);

/// One rounding, half to even.
/// @return false where a value is not finite or its result would not be: then `out` is not to be used.
[[nodiscard]] bool narrow_strip(const float* in, std::size_t n, Dtype to, std::byte* out);
[[nodiscard]] bool narrow_strip(const double* in, std::size_t n, Dtype to, std::byte* out);

/// Both at once, between types that differ; false as narrow_strip says. @pre n <= k_convert_strip
[[nodiscard]] bool convert_strip(Dtype from, const std::byte* in, std::size_t n, Dtype to, std::byte* out);
inline constexpr std::size_t k_convert_strip = 1024;

/// How many of n elements of `size` bytes (1, 2, 4 or 8) are equal bit by bit.
[[nodiscard]] std::size_t count_equal(std::size_t size, const std::byte* a, const std::byte* b, std::size_t n);

}  // namespace dare::merge
