#include "merge/convert.hpp"

#include "merge/convert_simd.hpp"

#include <dare/merge/tensor_merger.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

namespace dare::merge {
namespace {

// A binary float of fewer than 32 bits.
struct Format {
  unsigned exponent_bits;
  unsigned mantissa_bits;
  bool has_infinity;  // E4M3: all ones is NaN, the rest of the highest exponent are numbers
  [[nodiscard]] constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  [[nodiscard]] constexpr std::uint32_t top() const { return ((1U << exponent_bits) - 1) << mantissa_bits; }
  [[nodiscard]] constexpr std::uint32_t largest() const { return has_infinity ? top() - 1 : (top() | ((1U << mantissa_bits) - 2)); }
  [[nodiscard]] constexpr std::uint32_t nan() const { return has_infinity ? top() | (1U << (mantissa_bits - 1)) : largest() + 1; }
  [[nodiscard]] constexpr std::uint32_t sign() const { return 1U << (exponent_bits + mantissa_bits); }
};

constexpr Format k_f16{5, 10, true};
constexpr Format k_bf16{8, 7, true};
constexpr Format k_e4m3{4, 3, false};
constexpr Format k_e5m2{5, 2, true};

constexpr const Format& format_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
      return k_f16;
    case Dtype::bf16:
      return k_bf16;
    case Dtype::f8_e4m3:
      return k_e4m3;
    default:
      return k_e5m2;
  }
}

// E5M2's only NaN mantissa with the quiet bit is 2: 0x7E, as for the others.
float decode(const Format& format, std::uint32_t code) noexcept {
  const bool negative = (code & format.sign()) != 0;
  const auto magnitude = code & (format.sign() - 1);
  float value = 0;
  if (format.has_infinity ? magnitude >= format.top() : magnitude > format.largest()) {
    value =
        format.has_infinity && magnitude == format.top() ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else {
    const auto exponent = static_cast<int>(magnitude >> format.mantissa_bits);
    const auto mantissa = magnitude & ((1U << format.mantissa_bits) - 1);
    const auto whole = exponent == 0 ? mantissa : mantissa | (1U << format.mantissa_bits);
    value = std::ldexp(static_cast<float>(whole), std::max(exponent, 1) - format.bias() - static_cast<int>(format.mantissa_bits));
  }
  return negative ? -value : value;
}

Code round_to(const Format& format, double value) noexcept {
  if (std::isnan(value)) return {format.nan(), false};
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t sign = (bits >> 63U) != 0 ? format.sign() : 0;
  if (std::isinf(value)) return format.has_infinity ? Code{sign | format.top(), false} : Code{format.nan(), true};
  const auto exponent = static_cast<int>((bits >> 52U) & 0x7FFU) - 1023;
  const auto least = 1 - format.bias();
  const auto drop = 52 - static_cast<int>(format.mantissa_bits) + std::max(0, least - exponent);
  if (drop > 54) return {sign, false};  // below half of the smallest: float64's own subnormals too
  const auto mantissa = (bits & ((std::uint64_t{1} << 52U) - 1)) | (std::uint64_t{1} << 52U);
  auto rounded = mantissa >> static_cast<unsigned>(drop);
  const auto rest = mantissa & ((std::uint64_t{1} << static_cast<unsigned>(drop)) - 1);
  const auto half = std::uint64_t{1} << static_cast<unsigned>(drop - 1);
  if (rest > half || (rest == half && (rounded & 1U) != 0)) ++rounded;
  // `rounded` holds the leading one of a normal number, which adds one to the exponent field.
  const auto field = static_cast<std::uint64_t>(std::max(exponent, least) + format.bias() - 1) << format.mantissa_bits;
  const auto code = field + rounded;
  if (code <= format.largest()) return {sign | code, false};
  return {format.has_infinity ? sign | format.top() : format.nan(), true};
}

template <unsigned Bits>
const std::array<float, (1U << Bits)>& table(Dtype dtype) {
  const auto make = [](const Format& format) {
    std::array<float, (1U << Bits)> values{};
    for (std::uint32_t code = 0; code < values.size(); ++code) values[code] = decode(format, code);
    return values;
  };
  if constexpr (Bits == 16) {
    static const auto f16 = make(k_f16);
    assert(dtype == Dtype::f16);
    return f16;
  } else {
    static const auto e4m3 = make(k_e4m3);
    static const auto e5m2 = make(k_e5m2);
    return dtype == Dtype::f8_e4m3 ? e4m3 : e5m2;
  }
}

template <class T>
T load(const std::byte* bytes, std::size_t i) noexcept {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

Code encode(Dtype to, double value) noexcept {
  if (to == Dtype::f64) return {std::isnan(value) ? 0x7FF8000000000000U : std::bit_cast<std::uint64_t>(value), false};
  if (to == Dtype::f32) {
    if (std::isnan(value)) return {0x7FC00000U, false};
    const auto rounded = static_cast<float>(value);
    return {std::bit_cast<std::uint32_t>(rounded), std::isinf(rounded) && !std::isinf(value)};
  }
  return round_to(format_of(to), value);
}

std::uint64_t saturated(Dtype to, double value) noexcept {
  const bool negative = std::signbit(value);
  if (to == Dtype::f64) return std::bit_cast<std::uint64_t>(std::copysign(std::numeric_limits<double>::max(), value));
  if (to == Dtype::f32) return std::bit_cast<std::uint32_t>(std::copysign(std::numeric_limits<float>::max(), static_cast<float>(value)));
  const auto& format = format_of(to);
  return format.largest() | (negative ? format.sign() : 0);
}

template <class W>
void widen(Dtype from, std::span<const std::byte> in, std::span<W> out) noexcept {
  const auto* bytes = in.data();
  switch (from) {
    case Dtype::f64:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<W>(load<double>(bytes, i));
      return;
    case Dtype::f32:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = load<float>(bytes, i);
      return;
    case Dtype::bf16:
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(bytes, i)) << 16U);
      return;
    case Dtype::f16: {
      const auto& values = table<16>(from);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[load<std::uint16_t>(bytes, i)];
      return;
    }
    default: {
      const auto& values = table<8>(from);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[load<std::uint8_t>(bytes, i)];
    }
  }
}
template void widen<float>(Dtype, std::span<const std::byte>, std::span<float>) noexcept;
template void widen<double>(Dtype, std::span<const std::byte>, std::span<double>) noexcept;

void store(std::span<std::byte> out, unsigned bytes, std::size_t i, std::uint64_t bits) noexcept {
  std::memcpy(out.data() + i * bytes, &bits, bytes);  // little-endian, as every machine this builds for
}

namespace {

// The definition, element by element; says where a value does not fit.
std::optional<std::size_t> convert_plain(Dtype from, std::span<const std::byte> in, Dtype to, std::span<std::byte> out, Overflow overflow,
                                         Nonfinite nonfinite) {
  std::array<double, k_convert_strip> strip;
  const auto values = std::span{strip}.first(in.size() / (info(from).bits / 8));
  widen<double>(from, in, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto code = encode(to, values[i]);
    if (code.overflow) {
      const bool finite = std::isfinite(values[i]);
      if (finite ? overflow == Overflow::error : nonfinite == Nonfinite::error) return i;
      if (finite) code.bits = saturated(to, values[i]);
    }
    store(out, info(to).bits / 8, i, code.bits);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> convert(Dtype from, std::span<const std::byte> in, Dtype to, std::span<std::byte> out, Overflow overflow,
                                     Nonfinite nonfinite) {
  if (from == to) {
    std::copy(in.begin(), in.end(), out.begin());
    return std::nullopt;
  }
  const auto in_bytes = info(from).bits / 8;
  const auto out_bytes = info(to).bits / 8;
  const auto n = in.size() / in_bytes;
  for (std::size_t first = 0; first < n; first += k_convert_strip) {
    const auto count = std::min(k_convert_strip, n - first);
    const auto part = in.subspan(first * in_bytes, count * in_bytes);
    const auto target = out.subspan(first * out_bytes, count * out_bytes);
    if (convert_strip(from, part.data(), count, to, target.data())) continue;
    if (const auto bad = convert_plain(from, part, to, target, overflow, nonfinite)) return first + *bad;
  }
  return std::nullopt;
}

std::uint64_t count_nonfinite(Dtype dtype, std::span<const std::byte> elements) noexcept {
  const auto bytes = info(dtype).bits / 8;
  std::array<double, k_convert_strip> strip;
  std::uint64_t count = 0;
  for (std::size_t first = 0; first < elements.size(); first += k_convert_strip * bytes) {
    const auto part = elements.subspan(first, std::min(k_convert_strip * bytes, elements.size() - first));
    const auto values = std::span{strip}.first(part.size() / bytes);
    widen<double>(dtype, part, values);
    count += static_cast<std::uint64_t>(std::count_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); }));
  }
  return count;
}

}  // namespace dare::merge
