#include "merge/convert_simd.hpp"

#include "merge/convert.hpp"
#include "random/vector_targets.hpp"

#include <array>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/convert_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "merge/lanes_inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

template <class W>
void widen_plain(Dtype from, const std::byte* in, std::size_t n, W* out) {
  widen<W>(from, {in, n * info(from).bits / 8}, {out, n});
}
template <class W>
bool narrow_plain(const W* in, std::size_t n, Dtype to, std::byte* out) {
  const auto size = info(to).bits / 8;
  for (std::size_t i = 0; i < n; ++i) {
    const auto code = encode(to, static_cast<double>(in[i]));
    if (!std::isfinite(in[i]) || code.overflow) return false;
    store({out, n * size}, size, i, code.bits);
  }
  return true;
}
void widen_to_float(Dtype from, const std::byte* in, std::size_t n, float* out) {
  widen_plain(from, in, n, out);
}
void widen_to_double(Dtype from, const std::byte* in, std::size_t n, double* out) {
  widen_plain(from, in, n, out);
}
bool narrow_float(const float* in, std::size_t n, Dtype to, std::byte* out) {
  return narrow_plain(in, n, to, out);
}
bool narrow_double(const double* in, std::size_t n, Dtype to, std::byte* out) {
  return narrow_plain(in, n, to, out);
}

#else

// Applies `Step` to whole vectors of `DW` and to one padded vector at the end. Stored elements are `In` and `Out` bytes wide.
template <class Step, class DW, std::size_t In, std::size_t Out>
HWY_INLINE bool over_elements(const std::byte* in, std::size_t n, std::byte* out) {
  constexpr auto k_lanes = hn::MaxLanes(DW());
  auto good = hn::Eq(hn::Zero(DW()), hn::Zero(DW()));  // all
  std::size_t i = 0;
  for (; i + k_lanes <= n; i += k_lanes) good = hn::And(good, Step::apply(in + i * In, out + i * Out));
  if (i < n) {
    HWY_ALIGN std::byte padded_in[k_lanes * In] = {};
    HWY_ALIGN std::byte padded_out[k_lanes * Out];
    std::memcpy(padded_in, in + i * In, (n - i) * In);
    good = hn::And(good, Step::apply(padded_in, padded_out));
    std::memcpy(out + i * Out, padded_out, (n - i) * Out);
  }
  return hn::AllTrue(DW(), good);
}

template <class DW>
HWY_INLINE hn::Mask<DW> finite(hn::Vec<DW> x) {
  const auto difference = hn::Sub(x, x);
  return hn::Eq(difference, difference);
}

using DF = hn::ScalableTag<float>;
using DD = hn::ScalableTag<double>;

// A code of a narrow format as float lanes of tag D.
template <class F, class D>
HWY_INLINE hn::Vec<D> decode_from(D d, const std::byte* in) {
  const hn::RebindToUnsigned<D> d32;
  if constexpr (F::k_bits == 16) {
    return decode<F>(d, hn::PromoteTo(d32, load_bytes(hn::Rebind<std::uint16_t, D>(), in)));
  } else {
    return decode<F>(d, hn::PromoteTo(d32, load_bytes(hn::Rebind<std::uint8_t, D>(), in)));
  }
}

template <class F>
struct ToFloat {
  static HWY_INLINE hn::Mask<DF> apply(const std::byte* in, std::byte* out) {
    const auto value = decode_from<F>(DF(), in);
    store_bytes(value, DF(), out);
    return hn::Eq(value, value);
  }
};
template <class F>
struct ToDouble {
  static HWY_INLINE hn::Mask<DD> apply(const std::byte* in, std::byte* out) {
    const auto value = hn::PromoteTo(DD(), decode_from<F>(hn::Rebind<float, DD>(), in));
    store_bytes(value, DD(), out);
    return hn::Eq(value, value);
  }
};
struct F32ToDouble {
  static HWY_INLINE hn::Mask<DD> apply(const std::byte* in, std::byte* out) {
    const auto value = hn::PromoteTo(DD(), load_bytes(hn::Rebind<float, DD>(), in));
    store_bytes(value, DD(), out);
    return finite<DD>(value);
  }
};

template <class F, class D>
HWY_INLINE void store_codes(hn::Vec<hn::RebindToUnsigned<D> > code, D, std::byte* out) {
  using Code = std::conditional_t<F::k_bits == 16, std::uint16_t, std::uint8_t>;
  const hn::Rebind<Code, D> to;
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    store_bytes(hn::TruncateTo(to, code), to, out);
  } else {
    store_bytes(hn::DemoteTo(to, hn::BitCast(hn::RebindToSigned<D>(), code)), to, out);
  }
}

template <class F, class D>
struct Narrow {
  static HWY_INLINE hn::Mask<D> apply(const std::byte* in, std::byte* out) {
    const auto value = load_bytes(D(), in);
    auto beyond = hn::Lt(value, value);  // none
    const auto code = encode<F>(D(), value, beyond);
    store_codes<F>(code, D(), out);
    return hn::Not(beyond);
  }
};
struct DoubleToF32 {
  static HWY_INLINE hn::Mask<DD> apply(const std::byte* in, std::byte* out) {
    const hn::Rebind<float, DD> half;
    const auto value = hn::DemoteTo(half, load_bytes(DD(), in));
    store_bytes(value, half, out);
    return finite<DD>(hn::PromoteTo(DD(), value));
  }
};
template <class D>
struct Copy {
  static HWY_INLINE hn::Mask<D> apply(const std::byte* in, std::byte* out) {
    const auto value = load_bytes(D(), in);
    store_bytes(value, D(), out);
    return finite<D>(value);
  }
};

void widen_to_float(Dtype from, const std::byte* in, std::size_t n, float* out) {
  auto* to = reinterpret_cast<std::byte*>(out);
  switch (from) {
    case Dtype::bf16:
      return void(over_elements<ToFloat<Bf16Format>, DF, 2, 4>(in, n, to));
    case Dtype::f16:
      return void(over_elements<ToFloat<F16Format>, DF, 2, 4>(in, n, to));
    case Dtype::f8_e4m3:
      return void(over_elements<ToFloat<E4m3Format>, DF, 1, 4>(in, n, to));
    case Dtype::f8_e5m2:
      return void(over_elements<ToFloat<E5m2Format>, DF, 1, 4>(in, n, to));
    default:
      std::memcpy(out, in, n * sizeof(float));
  }
}

void widen_to_double(Dtype from, const std::byte* in, std::size_t n, double* out) {
  auto* to = reinterpret_cast<std::byte*>(out);
  switch (from) {
    case Dtype::f32:
      return void(over_elements<F32ToDouble, DD, 4, 8>(in, n, to));
    case Dtype::bf16:
      return void(over_elements<ToDouble<Bf16Format>, DD, 2, 8>(in, n, to));
    case Dtype::f16:
      return void(over_elements<ToDouble<F16Format>, DD, 2, 8>(in, n, to));
    case Dtype::f8_e4m3:
      return void(over_elements<ToDouble<E4m3Format>, DD, 1, 8>(in, n, to));
    case Dtype::f8_e5m2:
      return void(over_elements<ToDouble<E5m2Format>, DD, 1, 8>(in, n, to));
    default:
      std::memcpy(out, in, n * sizeof(double));
  }
}

bool narrow_float(const float* values, std::size_t n, Dtype to, std::byte* out) {
  const auto* in = reinterpret_cast<const std::byte*>(values);
  switch (to) {
    case Dtype::bf16:
      return over_elements<Narrow<Bf16Format, DF>, DF, 4, 2>(in, n, out);
    case Dtype::f16:
      return over_elements<Narrow<F16Format, DF>, DF, 4, 2>(in, n, out);
    case Dtype::f8_e4m3:
      return over_elements<Narrow<E4m3Format, DF>, DF, 4, 1>(in, n, out);
    case Dtype::f8_e5m2:
      return over_elements<Narrow<E5m2Format, DF>, DF, 4, 1>(in, n, out);
    case Dtype::f64:
      return over_elements<F32ToDouble, DD, 4, 8>(in, n, out);
    default:
      return over_elements<Copy<DF>, DF, 4, 4>(in, n, out);
  }
}

bool narrow_double(const double* values, std::size_t n, Dtype to, std::byte* out) {
  const auto* in = reinterpret_cast<const std::byte*>(values);
  switch (to) {
    case Dtype::f32:
      return over_elements<DoubleToF32, DD, 8, 4>(in, n, out);
    case Dtype::bf16:
      return over_elements<Narrow<Bf16Format, DD>, DD, 8, 2>(in, n, out);
    case Dtype::f16:
      return over_elements<Narrow<F16Format, DD>, DD, 8, 2>(in, n, out);
    case Dtype::f8_e4m3:
      return over_elements<Narrow<E4m3Format, DD>, DD, 8, 1>(in, n, out);
    case Dtype::f8_e5m2:
      return over_elements<Narrow<E5m2Format, DD>, DD, 8, 1>(in, n, out);
    default:
      return over_elements<Copy<DD>, DD, 8, 8>(in, n, out);
  }
}

#endif

// Plain loops, which the compiler makes vectors of for each instruction set.
template <class T>
std::size_t equal_elements(const std::byte* a, const std::byte* b, std::size_t n) {
  T count = 0;
  std::size_t total = 0;
  constexpr std::size_t k_chunk = 128;  // a count that fits T
  for (std::size_t first = 0; first < n; first += k_chunk, total += count, count = 0) {
    const auto end = n - first < k_chunk ? n : first + k_chunk;
    for (auto i = first; i < end; ++i) {
      T x;
      T y;
      std::memcpy(&x, a + i * sizeof(T), sizeof(T));
      std::memcpy(&y, b + i * sizeof(T), sizeof(T));
      count = static_cast<T>(count + (x == y ? 1 : 0));
    }
  }
  return total;
}

std::size_t equal_in(std::size_t size, const std::byte* a, const std::byte* b, std::size_t n) {
  switch (size) {
    case 1:
      return equal_elements<std::uint8_t>(a, b, n);
    case 2:
      return equal_elements<std::uint16_t>(a, b, n);
    case 4:
      return equal_elements<std::uint32_t>(a, b, n);
    default:
      return equal_elements<std::uint64_t>(a, b, n);
  }
}

}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(widen_to_float);
HWY_EXPORT(widen_to_double);
HWY_EXPORT(narrow_float);
HWY_EXPORT(narrow_double);
HWY_EXPORT(equal_in);

void widen_strip(Dtype from, const std::byte* in, std::size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(widen_to_float)(from, in, n, out);
}
void widen_strip(Dtype from, const std::byte* in, std::size_t n, double* out) {
  HWY_DYNAMIC_DISPATCH(widen_to_double)(from, in, n, out);
}
bool narrow_strip(const float* in, std::size_t n, Dtype to, std::byte* out) {
  return HWY_DYNAMIC_DISPATCH(narrow_float)(in, n, to, out);
}
bool narrow_strip(const double* in, std::size_t n, Dtype to, std::byte* out) {
  return HWY_DYNAMIC_DISPATCH(narrow_double)(in, n, to, out);
}
bool convert_strip(Dtype from, const std::byte* in, std::size_t n, Dtype to, std::byte* out) {
  const auto through = [&](auto& strip) {
    widen_strip(from, in, n, strip.data());
    return narrow_strip(strip.data(), n, to, out);
  };
  if (from == Dtype::f64) {
    alignas(64) std::array<double, k_convert_strip> strip;
    return through(strip);
  }
  alignas(64) std::array<float, k_convert_strip> strip;
  return through(strip);
}
std::size_t count_equal(std::size_t size, const std::byte* a, const std::byte* b, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(equal_in)(size, a, b, n);
}

}  // namespace dare::merge
#endif
