// Narrow float types in vectors, exactly. Compiled once per instruction set: included after highway.h, between HWY_BEFORE_NAMESPACE()
// and HWY_AFTER_NAMESPACE() of nobody: it has its own.
#if defined(DARE_MERGE_SMALL_FLOAT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARE_MERGE_SMALL_FLOAT_INL
#undef DARE_MERGE_SMALL_FLOAT_INL
#else
#define DARE_MERGE_SMALL_FLOAT_INL
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET != HWY_SCALAR

template <int Exponent, int Mantissa, bool Infinity>
struct Format {
  static constexpr int k_mantissa = Mantissa;
  static constexpr int k_bits = 1 + Exponent + Mantissa;
  static constexpr int k_bias = (1 << (Exponent - 1)) - 1;
  static constexpr bool k_infinity = Infinity;
  static constexpr std::uint32_t k_magnitude = (1U << (k_bits - 1)) - 1;
  static constexpr std::uint32_t k_top = ((1U << Exponent) - 1) << Mantissa;  // the highest exponent
  static constexpr std::uint32_t k_largest = Infinity ? k_top - 1 : k_magnitude - 1;
};
using Bf16Format = Format<8, 7, true>;
using F16Format = Format<5, 10, true>;
using E4m3Format = Format<4, 3, false>;
using E5m2Format = Format<5, 2, true>;

// The value of a code in each 32-bit lane. NaN stays NaN.
template <class F, class DF>
HWY_INLINE hn::Vec<DF> decode(DF df, hn::Vec<hn::RebindToUnsigned<DF>> code) {
  const hn::RebindToUnsigned<DF> du;
  const hn::RebindToSigned<DF> di;
  if constexpr (F::k_bits == 16 && F::k_mantissa == 7) {
    return hn::BitCast(df, hn::ShiftLeft<16>(code));
  } else {
    constexpr std::uint32_t k_rebias = (127U - F::k_bias) << 23U;
    const auto magnitude = hn::And(code, hn::Set(du, F::k_magnitude));
    const auto sign = hn::ShiftLeft<32 - F::k_bits>(hn::AndNot(hn::Set(du, F::k_magnitude), code));
    const auto shifted = hn::ShiftLeft<23 - F::k_mantissa>(magnitude);
    auto normal = hn::Add(shifted, hn::Set(du, k_rebias));
    const auto is_special =
        hn::Gt(hn::BitCast(di, magnitude), hn::Set(di, static_cast<std::int32_t>(F::k_infinity ? F::k_top - 1 : F::k_largest)));
    normal = hn::Or(normal, hn::IfThenElseZero(hn::RebindMask(du, is_special), hn::Set(du, F::k_infinity ? 0x7F800000U : 0x7FC00000U)));
    // A subnormal: its mantissa beside a one of the lowest normal exponent, and that one taken off again.
    const auto one = hn::Set(du, k_rebias + (1U << 23U));
    const auto subnormal = hn::Sub(hn::BitCast(df, hn::Add(shifted, one)), hn::BitCast(df, one));
    const auto is_subnormal = hn::Lt(hn::BitCast(di, magnitude), hn::Set(di, 1 << F::k_mantissa));
    const auto absolute = hn::IfThenElse(hn::RebindMask(df, is_subnormal), subnormal, hn::BitCast(df, normal));
    return hn::BitCast(df, hn::Or(hn::BitCast(du, absolute), sign));
  }
}

// Lanes of float or double as codes in lanes of the same width: one rounding, half to even. `beyond` gets the lanes that no finite code
// holds, NaN and infinities among them; what is returned for these is undefined.
template <class F, class DF>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<DF>> encode(DF df, hn::Vec<DF> value, hn::Mask<DF>& beyond) {
  const hn::RebindToUnsigned<DF> du;
  const hn::RebindToSigned<DF> di;
  using T = hn::TFromD<DF>;
  using U = hn::TFromD<decltype(du)>;
  using I = hn::TFromD<decltype(di)>;
  constexpr int k_bits = 8 * sizeof(T);
  constexpr int k_mantissa = sizeof(T) == 4 ? 23 : 52;
  constexpr U k_bias = sizeof(T) == 4 ? 127 : 1023;
  constexpr int k_dropped = k_mantissa - F::k_mantissa;
  const auto bits = hn::BitCast(du, value);
  const auto sign_bit = hn::Set(du, U{1} << (k_bits - 1));
  const auto magnitude = hn::AndNot(sign_bit, bits);
  const auto sign = hn::ShiftRight<k_bits - F::k_bits>(hn::And(sign_bit, bits));
  const auto odd = hn::And(hn::ShiftRight<k_dropped>(magnitude), hn::Set(du, U{1}));
  const auto rounded = hn::Add(hn::Add(magnitude, hn::Set(du, (U{1} << (k_dropped - 1)) - 1)), odd);
  auto code = hn::Sub(hn::ShiftRight<k_dropped>(rounded), hn::Set(du, (k_bias - F::k_bias) << F::k_mantissa));
  if constexpr (F::k_bias < static_cast<int>(k_bias)) {
    // Below the lowest normal number: added to a power of two whose last bit is the lowest code's, the hardware rounds to it.
    constexpr U k_power = (k_bias + static_cast<U>(k_mantissa + 1) - F::k_bias - F::k_mantissa) << k_mantissa;
    const auto power = hn::Set(du, k_power);
    const auto sum = hn::Add(hn::BitCast(df, magnitude), hn::BitCast(df, power));
    const auto low = hn::Lt(hn::BitCast(di, magnitude), hn::Set(di, static_cast<I>((k_bias + 1 - F::k_bias) << k_mantissa)));
    code = hn::IfThenElse(hn::RebindMask(du, low), hn::Sub(hn::BitCast(du, sum), power), code);
  }
  beyond = hn::Or(beyond, hn::RebindMask(df, hn::Gt(hn::BitCast(di, code), hn::Set(di, static_cast<I>(F::k_largest)))));
  return hn::Or(code, sign);
}

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
