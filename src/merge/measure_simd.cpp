#include "merge/measure_strip.hpp"
#include "random/vector_targets.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/measure_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "merge/lanes_inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// Without vectors every setting is measured alone.
float largest_of(const std::byte*, std::size_t) {
  return std::numeric_limits<float>::infinity();
}
void base_floats(const std::byte*, std::size_t, ChunkBase&) {}
void model_floats(const std::byte*, std::size_t, const ChunkBase&, ChunkModel&) {}
void whole_floats(const ChunkBase&, std::span<const ChunkModel>, std::size_t, ChunkWhole&) {}
void spread(const std::uint16_t*, std::size_t, std::int32_t*) {}
std::size_t ties_of(const std::uint16_t*, std::size_t, std::span<const std::uint16_t>, std::uint16_t*) {
  return 0;
}
void kept_of(const ChunkModel&, const std::int32_t*, std::size_t, std::span<KeptSums>) {}
void settings_of_all(const ChunkBase&, std::span<const SettingPart>, const ChunkWhole&, std::size_t) {}
std::uint64_t conflicts_of(std::span<const SettingModel>, std::size_t, std::int32_t*) {
  return 0;
}
void conflicts_of_all(const std::int32_t*, std::size_t, std::span<ConflictSums>) {}
std::uint64_t conflicts_of_each(std::span<const SettingModel>, std::size_t) {
  return 0;
}
#else

using F32 = hn::CappedTag<float, k_partials>;
using U32 = hn::RebindToUnsigned<F32>;
using I32 = hn::RebindToSigned<F32>;
using Raw = hn::Rebind<std::uint16_t, F32>;
using F64 = hn::Repartition<double, F32>;
using Half = hn::Rebind<float, F64>;
constexpr std::size_t k_each = hn::MaxLanes(F32());   // elements of a vector
constexpr std::size_t k_wide = hn::MaxLanes(F64());   // of each of its two halves in float64
constexpr std::size_t k_parts = k_partials / k_each;  // vectors that 16 elements take; each goes through a chunk by itself

HWY_INLINE hn::Vec<F32> widen_raw(const std::byte* elements, std::size_t i) {
  const auto raw = load_bytes(Raw(), elements + i * sizeof(std::uint16_t));
  return hn::BitCast(F32(), hn::ShiftLeft<16>(hn::PromoteTo(U32(), raw)));
}

// A vector in float64.
struct Pair {
  HWY_INLINE Pair() : lower{hn::Zero(F64())}, upper{lower} {}
  HWY_INLINE explicit Pair(hn::Vec<F32> v)
      : lower{hn::PromoteTo(F64(), hn::LowerHalf(Half(), v))}, upper{hn::PromoteTo(F64(), hn::UpperHalf(Half(), v))} {}
  HWY_INLINE explicit Pair(const double* from) : lower{hn::LoadU(F64(), from)}, upper{hn::LoadU(F64(), from + k_wide)} {}
  HWY_INLINE void store(double* to) const {
    hn::StoreU(lower, F64(), to);
    hn::StoreU(upper, F64(), to + k_wide);
  }
  // Both are float32 values, so that the product is exact and the sum is rounded once, with fused operations or without.
  HWY_INLINE void add_product(const Pair& a, const Pair& b) {
    lower = hn::MulAdd(a.lower, b.lower, lower);
    upper = hn::MulAdd(a.upper, b.upper, upper);
  }
  HWY_INLINE void add(const Pair& a) {
    lower = hn::Add(lower, a.lower);
    upper = hn::Add(upper, a.upper);
  }
  HWY_INLINE void add_where(hn::Mask<I32> mask, const Pair& a) {
#if DARE_IS_AVX512
    const hn::Mask<F64> first{static_cast<__mmask8>(mask.raw)};
    const hn::Mask<F64> second{static_cast<__mmask8>(_kshiftri_mask16(mask.raw, 8))};
#else
    const hn::RebindToSigned<F64> wide;
    const hn::Rebind<std::int32_t, F64> half;
    const auto lanes = hn::VecFromMask(I32(), mask);
    const auto first = hn::MaskFromVec(hn::BitCast(F64(), hn::PromoteTo(wide, hn::LowerHalf(half, lanes))));
    const auto second = hn::MaskFromVec(hn::BitCast(F64(), hn::PromoteTo(wide, hn::UpperHalf(half, lanes))));
#endif
    lower = hn::IfThenElse(first, hn::Add(lower, a.lower), lower);
    upper = hn::IfThenElse(second, hn::Add(upper, a.upper), upper);
  }
  hn::Vec<F64> lower;
  hn::Vec<F64> upper;
};

HWY_INLINE hn::Mask<I32> kept_lanes(const std::int32_t* drawn, std::size_t i, std::int32_t last_dropped) {
  return hn::Lt(hn::Set(I32(), last_dropped), hn::LoadU(I32(), drawn + i));
}

float largest_of(const std::byte* elements, std::size_t n) {
  const hn::ScalableTag<std::uint16_t> d;
  auto most = hn::Zero(d);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d))
    most = hn::Max(most, hn::And(load_bytes(d, elements + i * sizeof(std::uint16_t)), hn::Set(d, std::uint16_t{0x7FFF})));
  HWY_ALIGN std::uint16_t lanes[hn::MaxLanes(d)];
  hn::Store(most, d, lanes);
  return std::bit_cast<float>(std::uint32_t{*std::max_element(lanes, lanes + hn::Lanes(d))} << 16U);
}

void base_floats(const std::byte* elements, std::size_t n, ChunkBase& base) {
  const U32 du;
  for (std::size_t i = 0; i < n; i += k_each) {
    const auto value = widen_raw(elements, i);
    const auto bits = hn::BitCast(du, value);
    // Half a step to either side, and a step's half itself to the one that is even.
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
    const auto half = hn::Sub(hn::Set(du, 0x8000U), odd);
    hn::StoreU(value, F32(), base.values.data() + i);
    hn::StoreU(hn::Sub(bits, half), du, base.lowest.data() + i);
    hn::StoreU(hn::Add(hn::Add(half, half), hn::Set(du, 1U)), du, base.width.data() + i);
  }
}

void model_floats(const std::byte* elements, std::size_t n, const ChunkBase& base, ChunkModel& model) {
  for (std::size_t part = 0; part < k_parts; ++part) {
    auto* partials = model.total.values.data() + part * k_each;
    Pair total{partials};
    for (std::size_t i = part * k_each; i < n; i += k_partials) {
      const auto delta = hn::Sub(widen_raw(elements, i), hn::LoadU(F32(), base.values.data() + i));
      Pair squares{delta};
      squares.lower = hn::Mul(squares.lower, squares.lower);
      squares.upper = hn::Mul(squares.upper, squares.upper);
      hn::StoreU(delta, F32(), model.delta.data() + i);
      squares.store(model.squares.data() + i);
      total.add(squares);
    }
    total.store(partials);
  }
}

void whole_floats(const ChunkBase& base, std::span<const ChunkModel> models, std::size_t n, ChunkWhole& whole) {
  for (std::size_t part = 0; part < k_parts; ++part) {
    auto* partials = whole.squares.values.data() + part * k_each;
    Pair squares{partials};
    for (std::size_t i = part * k_each; i < n; i += k_partials) {
      auto sum = hn::Set(F32(), -0.0F);
      for (std::size_t k = 0; k < models.size(); ++k)
        sum = hn::Add(sum, hn::Mul(hn::Set(F32(), whole.coefficients[k]), hn::LoadU(F32(), models[k].delta.data() + i)));
      const auto value = hn::LoadU(F32(), base.values.data() + i);
      const Pair change{hn::Sub(hn::Add(value, sum), value)};
      change.store(whole.change.data() + i);
      squares.add_product(change, change);
    }
    squares.store(partials);
  }
}

void spread(const std::uint16_t* draws, std::size_t n, std::int32_t* drawn) {
  const U32 du;
  for (std::size_t i = 0; i < n; i += k_each) {
    const auto uniform = hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(Raw(), draws + i)));
    hn::StoreU(hn::BitCast(I32(), hn::Xor(uniform, hn::Set(du, 0x80000000U))), I32(), drawn + i);
  }
}

// Looks for eight values at a time; of fewer the last stands for those that are missing. What is equal to a value differs from it by 0,
// which is less than all other differences: one comparison does for eight.
std::size_t ties_of(const std::uint16_t* draws, std::size_t n, std::span<const std::uint16_t> ties, std::uint16_t* at) {
  const hn::ScalableTag<std::uint16_t> d;
  constexpr std::size_t k_values = 8;
  std::size_t found = 0;
  for (std::size_t first = 0; first < ties.size(); first += k_values) {
    hn::Vec<decltype(d)> values[k_values];
    DARE_UNROLL
    for (std::size_t v = 0; v < k_values; ++v) values[v] = hn::Set(d, ties[std::min(first + v, ties.size() - 1)]);
    for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
      const auto drawn = hn::LoadU(d, draws + i);
      auto least = hn::Sub(drawn, values[0]);
      DARE_UNROLL
      for (std::size_t v = 1; v < k_values; ++v) least = hn::Min(least, hn::Sub(drawn, values[v]));
      if (hn::AllFalse(d, hn::Eq(least, hn::Zero(d)))) continue;
      const auto those = ties.subspan(first, std::min(k_values, ties.size() - first));
      for (auto one = i; one < i + hn::Lanes(d); ++one) {
        if (std::find(those.begin(), those.end(), draws[one]) != those.end()) at[found++] = static_cast<std::uint16_t>(one);
      }
    }
  }
  return found;
}

template <std::size_t Thresholds>
HWY_NOINLINE void kept_of_some(const ChunkModel& model, const std::int32_t* drawn, std::size_t n, KeptSums* kept) {
  for (std::size_t part = 0; part < k_parts; ++part) {
    Pair sums[Thresholds];
    Tally<I32> counts[Thresholds];
    hn::Vec<I32> last[Thresholds];
    DARE_UNROLL
    for (std::size_t t = 0; t < Thresholds; ++t) {
      sums[t] = Pair{kept[t].squares.values.data() + part * k_each};
      last[t] = hn::Set(I32(), kept[t].last_dropped);
    }
    for (std::size_t i = part * k_each; i < n; i += k_partials) {
      const auto uniforms = hn::LoadU(I32(), drawn + i);
      const Pair squares{model.squares.data() + i};
      DARE_UNROLL
      for (std::size_t t = 0; t < Thresholds; ++t) {
        const auto keeps = hn::Lt(last[t], uniforms);
        counts[t].add(keeps);
        sums[t].add_where(keeps, squares);
      }
    }
    DARE_UNROLL
    for (std::size_t t = 0; t < Thresholds; ++t) {
      sums[t].store(kept[t].squares.values.data() + part * k_each);
      kept[t].count += counts[t].total();
    }
  }
}

void kept_of(const ChunkModel& model, const std::int32_t* drawn, std::size_t n, std::span<KeptSums> kept) {
  std::size_t t = 0;
  for (; t + 4 <= kept.size(); t += 4) kept_of_some<4>(model, drawn, n, &kept[t]);
  for (; t < kept.size(); ++t) kept_of_some<1>(model, drawn, n, &kept[t]);
}

// So many settings at a time share what is loaded. More registers than 16 hold the sums of two.
#if DARE_HAS_32_REGISTERS
constexpr std::size_t k_settings = 2;
#else
constexpr std::size_t k_settings = 1;
#endif

template <std::size_t Models, std::size_t Settings>
HWY_NOINLINE void settings_of_some(const ChunkBase& base, const SettingPart* parts, const ChunkWhole& whole, std::size_t n) {
  const F32 df;
  const auto models = Models == 0 ? parts->models.size() : Models;
  const auto* shared = parts->models.data();
  for (std::size_t part = 0; part < k_parts; ++part) {
    Pair product[Settings];
    Pair merged[Settings];
    Tally<U32> lost[Settings];
    DARE_UNROLL
    for (std::size_t s = 0; s < Settings; ++s) {
      product[s] = Pair{parts[s].sums->product.values.data() + part * k_each};
      merged[s] = Pair{parts[s].sums->merged.values.data() + part * k_each};
    }
    for (std::size_t i = part * k_each; i < n; i += k_partials) {
      hn::Vec<F32> sum[Settings];
      for (std::size_t s = 0; s < Settings; ++s) sum[s] = hn::Zero(df);
      DARE_UNROLL
      for (std::size_t k = 0; k < models; ++k) {
        const auto delta = hn::LoadU(df, shared[k].delta + i);
        const auto drawn = hn::LoadU(I32(), shared[k].drawn + i);
        DARE_UNROLL
        for (std::size_t s = 0; s < Settings; ++s) {
          const auto& own = parts[s].models[k];
          const auto term = hn::Mul(hn::Set(df, own.coefficient), delta);
          const auto keeps = hn::Lt(hn::Set(I32(), own.last_dropped), drawn);
          // A dropped element adds a zero: that changes nothing that the result shows. The first one is added to nothing.
          const auto left = hn::IfThenElseZero(hn::RebindMask(df, keeps), term);
          sum[s] = k == 0 ? left : hn::Add(sum[s], left);
        }
      }
      const auto value = hn::LoadU(df, base.values.data() + i);
      const auto lowest = hn::LoadU(U32(), base.lowest.data() + i);
      const auto width = hn::LoadU(U32(), base.width.data() + i);
      const Pair change{whole.change.data() + i};
      DARE_UNROLL
      for (std::size_t s = 0; s < Settings; ++s) {
        const auto result = hn::Add(value, sum[s]);
        const Pair m{hn::Sub(result, value)};
        product[s].add_product(m, change);
        merged[s].add_product(m, m);
        const auto same = hn::Lt(hn::Sub(hn::BitCast(U32(), result), lowest), width);
        lost[s].add(hn::And(hn::RebindMask(U32(), hn::Ne(sum[s], hn::Zero(df))), same));
      }
    }
    DARE_UNROLL
    for (std::size_t s = 0; s < Settings; ++s) {
      product[s].store(parts[s].sums->product.values.data() + part * k_each);
      merged[s].store(parts[s].sums->merged.values.data() + part * k_each);
      parts[s].sums->lost += lost[s].total();
    }
  }
}

template <std::size_t Models>
void settings_of(const ChunkBase& base, std::span<const SettingPart> parts, const ChunkWhole& whole, std::size_t n) {
  for (; parts.size() >= k_settings; parts = parts.subspan(k_settings)) settings_of_some<Models, k_settings>(base, parts.data(), whole, n);
  for (const auto& one : parts) settings_of_some<Models, 1>(base, &one, whole, n);
}

void settings_of_all(const ChunkBase& base, std::span<const SettingPart> parts, const ChunkWhole& whole, std::size_t n) {
  switch (parts.front().models.size()) {
    case 1:
      return settings_of<1>(base, parts, whole, n);
    case 2:
      return settings_of<2>(base, parts, whole, n);
    case 3:
      return settings_of<3>(base, parts, whole, n);
    default:
      return settings_of<0>(base, parts, whole, n);
  }
}

std::uint64_t conflicts_of(std::span<const SettingModel> models, std::size_t n, std::int32_t* drawn) {
  const F32 df;
  const auto none = hn::Set(I32(), std::numeric_limits<std::int32_t>::min());
  Tally<I32> both;
  for (std::size_t i = 0; i < n; i += k_each) {
    auto up = none;
    auto down = none;
    auto any_up = hn::Lt(none, none);
    auto any_down = any_up;
    for (const auto& model : models) {
      const auto delta = hn::LoadU(df, model.delta + i);
      const auto uniforms = hn::LoadU(I32(), model.drawn + i);
      const auto is_up = hn::RebindMask(I32(), hn::Lt(hn::Zero(df), delta));
      const auto is_down = hn::RebindMask(I32(), hn::Lt(delta, hn::Zero(df)));
      up = hn::IfThenElse(is_up, hn::Max(up, uniforms), up);
      down = hn::IfThenElse(is_down, hn::Max(down, uniforms), down);
      any_up = hn::Or(any_up, is_up);
      any_down = hn::Or(any_down, is_down);
    }
    both.add(hn::And(any_up, any_down));
    hn::StoreU(hn::Min(up, down), I32(), drawn + i);
  }
  return both.total();
}

template <std::size_t Thresholds>
HWY_NOINLINE void conflicts_of_some(const std::int32_t* drawn, std::size_t n, ConflictSums* conflicts) {
  Tally<I32> counts[Thresholds];
  hn::Vec<I32> last[Thresholds];
  DARE_UNROLL
  for (std::size_t t = 0; t < Thresholds; ++t) last[t] = hn::Set(I32(), conflicts[t].last_dropped);
  for (std::size_t i = 0; i < n; i += k_each) {
    const auto uniforms = hn::LoadU(I32(), drawn + i);
    DARE_UNROLL
    for (std::size_t t = 0; t < Thresholds; ++t) counts[t].add(hn::Lt(last[t], uniforms));
  }
  DARE_UNROLL
  for (std::size_t t = 0; t < Thresholds; ++t) conflicts[t].count += counts[t].total();
}

void conflicts_of_all(const std::int32_t* drawn, std::size_t n, std::span<ConflictSums> conflicts) {
  for (; conflicts.size() >= 4; conflicts = conflicts.subspan(4)) conflicts_of_some<4>(drawn, n, conflicts.data());
  for (auto& one : conflicts) conflicts_of_some<1>(drawn, n, &one);
}

std::uint64_t conflicts_of_each(std::span<const SettingModel> models, std::size_t n) {
  const F32 df;
  Tally<I32> count;
  for (std::size_t i = 0; i < n; i += k_each) {
    auto up = hn::Lt(hn::Zero(I32()), hn::Zero(I32()));
    auto down = up;
    for (const auto& model : models) {
      const auto delta = hn::LoadU(df, model.delta + i);
      const auto keeps = kept_lanes(model.drawn, i, model.last_dropped);
      up = hn::Or(up, hn::And(keeps, hn::RebindMask(I32(), hn::Lt(hn::Zero(df), delta))));
      down = hn::Or(down, hn::And(keeps, hn::RebindMask(I32(), hn::Lt(delta, hn::Zero(df)))));
    }
    count.add(hn::And(up, down));
  }
  return count.total();
}

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(largest_of);
HWY_EXPORT(base_floats);
HWY_EXPORT(model_floats);
HWY_EXPORT(whole_floats);
HWY_EXPORT(spread);
HWY_EXPORT(ties_of);
HWY_EXPORT(kept_of);
HWY_EXPORT(settings_of_all);
HWY_EXPORT(conflicts_of);
HWY_EXPORT(conflicts_of_all);
HWY_EXPORT(conflicts_of_each);

float largest_magnitude(const std::byte* elements, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(largest_of)(elements, n);
}
void widen_base(const std::byte* elements, std::size_t n, ChunkBase& base) {
  HWY_DYNAMIC_DISPATCH(base_floats)(elements, n, base);
}
void widen_model(const std::byte* elements, std::size_t n, const ChunkBase& base, ChunkModel& model) {
  HWY_DYNAMIC_DISPATCH(model_floats)(elements, n, base, model);
}
void add_whole(const ChunkBase& base, std::span<const ChunkModel> models, std::size_t n, ChunkWhole& whole) {
  HWY_DYNAMIC_DISPATCH(whole_floats)(base, models, n, whole);
}
void spread_draws(const std::uint16_t* draws, std::size_t n, std::int32_t* drawn) {
  HWY_DYNAMIC_DISPATCH(spread)(draws, n, drawn);
}
std::size_t find_ties(const std::uint16_t* draws, std::size_t n, std::span<const std::uint16_t> ties, std::uint16_t* at) {
  return HWY_DYNAMIC_DISPATCH(ties_of)(draws, n, ties, at);
}
void add_kept(const ChunkModel& model, const std::int32_t* drawn, std::size_t n, std::span<KeptSums> kept) {
  HWY_DYNAMIC_DISPATCH(kept_of)(model, drawn, n, kept);
}
void add_settings(const ChunkBase& base, std::span<const SettingPart> parts, const ChunkWhole& whole, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(settings_of_all)(base, parts, whole, n);
}
std::uint64_t find_conflicts(std::span<const SettingModel> models, std::size_t n, std::int32_t* drawn) {
  return HWY_DYNAMIC_DISPATCH(conflicts_of)(models, n, drawn);
}
void count_conflicts(const std::int32_t* drawn, std::size_t n, std::span<ConflictSums> conflicts) {
  HWY_DYNAMIC_DISPATCH(conflicts_of_all)(drawn, n, conflicts);
}
std::uint64_t count_conflicts(std::span<const SettingModel> models, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(conflicts_of_each)(models, n);
}

}  // namespace dare::merge
#endif
