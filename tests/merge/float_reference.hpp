#pragma once
/// Float formats the slow and obvious way, by search among all values: shares nothing with the code under test.

#include <dare/core/dtype.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

namespace dare::test {

inline std::size_t size_of(Dtype dtype) {
  return info(dtype).bits / 8;
}

/// The number that a code of a format of `exponent` and `mantissa` bits stands for.
inline double value_of_fields(unsigned exponent, unsigned mantissa, bool has_infinity, std::uint32_t code) {
  const auto field = (code >> mantissa) & ((1U << exponent) - 1);
  const auto fraction = code & ((1U << mantissa) - 1);
  const auto sign = (code >> (exponent + mantissa)) != 0 ? -1.0 : 1.0;
  const auto bias = static_cast<int>((1U << (exponent - 1)) - 1);
  const auto all_ones = (1U << exponent) - 1;
  if (has_infinity && field == all_ones)
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (!has_infinity && field == all_ones && fraction == (1U << mantissa) - 1) return std::numeric_limits<double>::quiet_NaN();
  const auto unit = std::ldexp(1.0, -static_cast<int>(mantissa));
  if (field == 0) return sign * std::ldexp(fraction * unit, 1 - bias);
  return sign * std::ldexp(1 + fraction * unit, static_cast<int>(field) - bias);
}

/// The number at `bytes`.
inline double value_at(Dtype dtype, const std::byte* bytes) {
  std::uint64_t code = 0;
  std::memcpy(&code, bytes, size_of(dtype));
  switch (dtype) {
    case Dtype::f64:
      return std::bit_cast<double>(code);
    case Dtype::f32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(code));
    case Dtype::f16:
      return value_of_fields(5, 10, true, static_cast<std::uint32_t>(code));
    case Dtype::bf16:
      return value_of_fields(8, 7, true, static_cast<std::uint32_t>(code));
    case Dtype::f8_e4m3:
      return value_of_fields(4, 3, false, static_cast<std::uint32_t>(code));
    default:
      return value_of_fields(5, 2, true, static_cast<std::uint32_t>(code));
  }
}

struct Narrowed {
  std::uint64_t code = 0;
  bool overflow = false;  ///< and `code` is the largest finite value
};

/// All finite values of a format of 8 or 16 bits that are not negative, by code.
inline const std::vector<double>& finite_values(Dtype dtype) {
  static std::vector<double> tables[32];
  auto& table = tables[static_cast<std::size_t>(dtype)];
  for (std::uint32_t code = static_cast<std::uint32_t>(table.size()); table.empty() || code < (1U << (info(dtype).bits - 1)); ++code) {
    const auto value = value_at(dtype, reinterpret_cast<const std::byte*>(&code));
    if (!std::isfinite(value)) break;
    table.push_back(value);
  }
  return table;
}

/// semantics: one rounding, half to even; NaN the positive quiet one; infinity stays, and is an overflow with NaN as code in E4M3.
inline Narrowed narrowed(Dtype to, double value) {
  if (to == Dtype::f64) return {std::isnan(value) ? 0x7FF8000000000000U : std::bit_cast<std::uint64_t>(value)};
  if (to == Dtype::f32) {
    if (std::isnan(value)) return {0x7FC00000U};
    const auto single = static_cast<float>(value);  // IEEE 754 hardware
    if (std::isinf(single) && !std::isinf(value)) return {value < 0 ? 0xFF7FFFFFU : 0x7F7FFFFFU, true};
    return {std::bit_cast<std::uint32_t>(single)};
  }
  const auto sign = std::signbit(value) ? std::uint64_t{1} << (info(to).bits - 1) : 0;
  const auto& values = finite_values(to);
  const auto nan = to == Dtype::f16 ? 0x7E00U : to == Dtype::bf16 ? 0x7FC0U : to == Dtype::f8_e4m3 ? 0x7FU : 0x7EU;
  if (std::isnan(value)) return {nan};
  if (std::isinf(value)) return to == Dtype::f8_e4m3 ? Narrowed{nan, true} : Narrowed{sign | values.size()};
  const auto size = std::abs(value);
  const auto largest = values.size() - 1;
  if (size > values[largest]) {
    // Half a step above the largest lies the border; the even side of it is the largest itself or the number that is missing.
    const auto border = values[largest] + (values[largest] - values[largest - 1]) / 2;
    const auto fits = largest % 2 == 0 ? size <= border : size < border;
    return {sign | largest, !fits};
  }
  std::size_t low = 0;
  std::size_t high = largest;
  while (low + 1 < high) {
    const auto middle = (low + high) / 2;
    (values[middle] <= size ? low : high) = middle;
  }
  if (size == values[high]) return {sign | high};
  const auto to_low = size - values[low];  // exact: neighbours are within a factor of two, or one is 0
  const auto to_high = values[high] - size;
  const auto up = to_high < to_low || (to_high == to_low && high % 2 == 0);
  return {sign | (up ? high : low)};
}

}  // namespace dare::test
