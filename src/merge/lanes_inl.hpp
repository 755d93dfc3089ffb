// How a vector of stored elements becomes lanes of the working type and back. Compiled once per instruction set, as small_float_inl.hpp.
#if defined(DARE_MERGE_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARE_MERGE_LANES_INL
#undef DARE_MERGE_LANES_INL
#else
#define DARE_MERGE_LANES_INL
#endif

#include "merge/small_float_inl.hpp"
#include "random/vector_targets.hpp"

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET != HWY_SCALAR

// Any alignment.
template <class D>
HWY_INLINE hn::Vec<D> load_bytes(D d, const std::byte* from) {
  const hn::Repartition<std::uint8_t, D> bytes;
  return hn::BitCast(d, hn::LoadU(bytes, reinterpret_cast<const std::uint8_t*>(from)));
}
template <class D>
HWY_INLINE void store_bytes(hn::Vec<D> v, D d, std::byte* to) {
  (void)d;
  const hn::Repartition<std::uint8_t, D> bytes;
  hn::StoreU(hn::BitCast(bytes, v), bytes, reinterpret_cast<std::uint8_t*>(to));
}

// 16-bit draws in unsigned lanes of any width.
template <class D>
HWY_INLINE hn::Vec<D> load_draws(D d, const std::uint16_t* draws) {
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::Rebind<std::uint32_t, D> d32;
  if constexpr (sizeof(hn::TFromD<D>) == 2) return hn::LoadU(d16, draws);
  if constexpr (sizeof(hn::TFromD<D>) == 4) return hn::PromoteTo(d32, hn::LoadU(d16, draws));
  if constexpr (sizeof(hn::TFromD<D>) == 8) return hn::PromoteTo(d, hn::PromoteTo(d32, hn::LoadU(d16, draws)));
}

// Lanes where the draw is below the limit: dropped.
template <class D>
HWY_INLINE hn::Mask<D> below(D d, hn::Vec<D> draws, hn::Vec<D> limit) {
  if constexpr (sizeof(hn::TFromD<D>) == 2) {
    return hn::Lt(draws, limit);
  } else {  // both are below 2^16, so the signed comparison, which all have, will do
    const hn::RebindToSigned<D> di;
    return hn::RebindMask(d, hn::Lt(hn::BitCast(di, draws), hn::BitCast(di, limit)));
  }
}

// Counts true lanes over a strip.
template <class D>
class Tally {
 public:
#if DARE_IS_AVX512
  HWY_INLINE void add(hn::Mask<D> mask) {
    count_ += hn::CountTrue(D(), mask);
  }
  HWY_INLINE std::uint64_t total() const {
    return count_;
  }

 private:
  std::uint64_t count_ = 0;
#else
  HWY_INLINE Tally() : lanes_{hn::Zero(D())} {}  // an implicit constructor would lack the target's instructions
  // True lanes are all ones, that is -1. A strip has fewer than 65,536 lanes.
  HWY_INLINE void add(hn::Mask<D> mask) {
    lanes_ = hn::Sub(lanes_, hn::VecFromMask(D(), mask));
  }
  HWY_INLINE std::uint64_t total() const {
    HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())];
    hn::Store(lanes_, D(), lanes);
    std::uint64_t sum = 0;
    for (const auto lane : lanes) sum += static_cast<std::uint64_t>(lane);
    return sum;
  }

 private:
  hn::Vec<D> lanes_;
#endif
};

// Each kind of lanes: W the working type; Raw the tag of what lies in memory; k_parts vectors of W hold what a vector of Raw does.
// Seen gathers what betrays a value that is not finite.

struct Bf16Lanes {
  using W = float;
  using Wide = hn::ScalableTag<float>;
  using Raw = hn::ScalableTag<std::uint16_t>;
  using Seen = hn::Vec<Raw>;
  static constexpr int k_parts = 2;  // of every two neighbours the first is in part 0, the second in part 1: no shuffles

  static HWY_INLINE void widen(hn::Vec<Raw> raw, hn::Vec<Wide>* to) {
    const hn::RebindToUnsigned<Wide> du;
    const auto pairs = hn::BitCast(du, raw);
    to[0] = hn::BitCast(Wide(), hn::ShiftLeft<16>(pairs));
    to[1] = hn::BitCast(Wide(), hn::And(pairs, hn::Set(du, 0xFFFF0000U)));
  }
  static HWY_INLINE hn::Vec<Raw> narrow(const hn::Vec<Wide>* from) {
    const hn::RebindToUnsigned<Wide> du;
    const auto even = hn::BitCast(Raw(), hn::ShiftRight<16>(rounded(hn::BitCast(du, from[0]))));
    const auto odd = hn::BitCast(Raw(), rounded(hn::BitCast(du, from[1])));
    return hn::OddEven(odd, even);
  }
  static HWY_INLINE Seen nothing() { return hn::Zero(Raw()); }
  static HWY_INLINE Seen look(Seen seen, hn::Vec<Raw> raw) { return hn::Max(seen, hn::And(raw, hn::Set(Raw(), std::uint16_t{0x7FFF}))); }
  static HWY_INLINE bool all_finite(Seen seen) { return hn::AllTrue(Raw(), hn::Lt(seen, hn::Set(Raw(), std::uint16_t{0x7F80}))); }

 private:
  // Half to even in the upper 16 bits; a NaN may become anything, and has been seen by then.
  static HWY_INLINE hn::Vec<hn::RebindToUnsigned<Wide>> rounded(hn::Vec<hn::RebindToUnsigned<Wide>> bits) {
    const hn::RebindToUnsigned<Wide> du;
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
    return hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFU)), odd);
  }
};

struct F16Lanes {
  using W = float;
  using Wide = hn::ScalableTag<float>;
  using Raw = hn::Rebind<std::uint16_t, Wide>;
  using Seen = hn::Vec<Raw>;
  static constexpr int k_parts = 1;

#if DARE_HAS_F16C
  static HWY_INLINE void widen(hn::Vec<Raw> raw, hn::Vec<Wide>* to) {
    to[0] = hn::PromoteTo(Wide(), hn::BitCast(hn::Rebind<hwy::float16_t, Wide>(), raw));
  }
  static HWY_INLINE hn::Vec<Raw> narrow(const hn::Vec<Wide>* from) {
    return hn::BitCast(Raw(), hn::DemoteTo(hn::Rebind<hwy::float16_t, Wide>(), from[0]));
  }
#else
  static HWY_INLINE void widen(hn::Vec<Raw> raw, hn::Vec<Wide>* to) {
    to[0] = decode<F16Format>(Wide(), hn::PromoteTo(hn::RebindToUnsigned<Wide>(), raw));
  }
  static HWY_INLINE hn::Vec<Raw> narrow(const hn::Vec<Wide>* from) {
    const hn::RebindToUnsigned<Wide> du;
    auto beyond = hn::Lt(from[0], from[0]);  // none
    const auto code = encode<F16Format>(Wide(), from[0], beyond);
    const auto marked = hn::IfThenElse(hn::RebindMask(du, beyond), hn::Set(du, 0x7C00U), code);
    return hn::DemoteTo(Raw(), hn::BitCast(hn::RebindToSigned<Wide>(), marked));
  }
#endif
  static HWY_INLINE Seen nothing() {
    return hn::Zero(Raw());
  }
  static HWY_INLINE Seen look(Seen seen, hn::Vec<Raw> raw) {
    return hn::Max(seen, hn::And(raw, hn::Set(Raw(), std::uint16_t{0x7FFF})));
  }
  static HWY_INLINE bool all_finite(Seen seen) {
    return hn::AllTrue(Raw(), hn::Lt(seen, hn::Set(Raw(), std::uint16_t{0x7C00})));
  }
};

// x - x is 0 for finite x, else NaN; a sum never loses a NaN.
template <class DF>
struct FiniteDifference {
  using Seen = hn::Vec<DF>;
  static HWY_INLINE Seen nothing() { return hn::Zero(DF()); }
  static HWY_INLINE Seen look(Seen seen, hn::Vec<hn::RebindToUnsigned<DF>> raw) {
    const auto x = hn::BitCast(DF(), raw);
    return hn::Add(seen, hn::Sub(x, x));
  }
  static HWY_INLINE bool all_finite(Seen seen) { return hn::AllTrue(DF(), hn::Eq(seen, hn::Zero(DF()))); }
};

// float or double as it is.
template <class T>
struct PlainLanes : FiniteDifference<hn::ScalableTag<T>> {
  using W = T;
  using Wide = hn::ScalableTag<T>;
  using Raw = hn::RebindToUnsigned<Wide>;
  static constexpr int k_parts = 1;
  static HWY_INLINE void widen(hn::Vec<Raw> raw, hn::Vec<Wide>* to) { to[0] = hn::BitCast(Wide(), raw); }
  static HWY_INLINE hn::Vec<Raw> narrow(const hn::Vec<Wide>* from) { return hn::BitCast(Raw(), from[0]); }
};

struct F32AsF64Lanes : FiniteDifference<hn::Rebind<float, hn::ScalableTag<double>>> {
  using W = double;
  using Wide = hn::ScalableTag<double>;
  using Half = hn::Rebind<float, Wide>;
  using Raw = hn::RebindToUnsigned<Half>;
  static constexpr int k_parts = 1;
  static HWY_INLINE void widen(hn::Vec<Raw> raw, hn::Vec<Wide>* to) { to[0] = hn::PromoteTo(Wide(), hn::BitCast(Half(), raw)); }
  static HWY_INLINE hn::Vec<Raw> narrow(const hn::Vec<Wide>* from) { return hn::BitCast(Raw(), hn::DemoteTo(Half(), from[0])); }
};

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
