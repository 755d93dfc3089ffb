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
float largest(std::span<const float>) {
  return std::numeric_limits<float>::infinity();
}
void add_lanes(const LaneChunk&, LaneSums&, std::uint16_t*) {}
void mark(std::span<const std::uint16_t>, std::span<Mark>, std::uint16_t*) {}
void count(const std::uint16_t*, std::size_t, Lanes<std::uint64_t>&) {}
void conflicts_of(const LaneChunk&, std::uint16_t*) {}
void square_floats(std::span<const float>, double*, double*) {}
void whole_floats(const LaneChunk&, double*) {}
void bounds(std::span<const float>, std::uint32_t*, std::uint32_t*) {}
#else

// Lanes of float64, and as many of float32: all eight settings at once on AVX-512, else in parts.
using F64 = hn::CappedTag<double, k_lanes>;
using F32 = hn::Rebind<float, F64>;
using U32 = hn::Rebind<std::uint32_t, F64>;
constexpr std::size_t k_part = hn::MaxLanes(F64());
constexpr std::size_t k_parts = k_lanes / k_part;

// The settings of one part whose bits are set.
template <class D>
HWY_INLINE hn::Mask<D> settings_in(D d, std::uint16_t bits, std::size_t part) {
  const auto of_part = static_cast<std::uint8_t>(bits >> (part * k_part));
  HWY_ALIGN std::uint8_t bytes[8] = {of_part};
  return hn::LoadMaskBits(d, bytes);
}
HWY_INLINE std::uint16_t bits_of(hn::Mask<U32> mask, std::size_t part) {
  HWY_ALIGN std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(U32(), mask, bytes);
  return static_cast<std::uint16_t>(bytes[0] << (part * k_part));
}

// The sums of one part of the settings while a chunk is added.
struct Running {
  HWY_INLINE Running(const LaneSums& sums, std::size_t part)
      : product{hn::LoadU(F64(), sums.product.data() + part * k_part)},
        merged{hn::LoadU(F64(), sums.merged.data() + part * k_part)},
        error{hn::LoadU(F64(), sums.error.data() + part * k_part)},
        undropped{hn::LoadU(F64(), sums.undropped.data() + part * k_part)} {}
  HWY_INLINE void store(LaneSums& sums, std::size_t part) const {
    hn::StoreU(product, F64(), sums.product.data() + part * k_part);
    hn::StoreU(merged, F64(), sums.merged.data() + part * k_part);
    hn::StoreU(error, F64(), sums.error.data() + part * k_part);
    hn::StoreU(undropped, F64(), sums.undropped.data() + part * k_part);
  }
  hn::Vec<F64> product;
  hn::Vec<F64> merged;
  hn::Vec<F64> error;
  hn::Vec<F64> undropped;
};

// Adds one element; returns the settings in which rounding undoes its change.
template <std::size_t Models, bool OneWhole>
HWY_INLINE std::uint16_t add_element(const LaneChunk& chunk, std::size_t i, std::size_t part, Running& sums) {
  const F32 df;
  const F64 dd;
  const U32 du;
  const auto models = Models == 0 ? chunk.models.size() : Models;
  auto sum = hn::Zero(df);
  auto whole = sum;
  auto error = hn::Zero(dd);
  for (std::size_t k = 0; k < models; ++k) {
    const auto& model = chunk.models[k];
    const auto delta = hn::Set(df, model.delta[i]);
    const auto bits = model.kept[i];
    // A dropped element adds a zero: that changes nothing that the result shows. The first one is added to nothing.
    const auto coefficient = hn::IfThenElseZero(settings_in(df, bits, part), hn::LoadU(df, model.coefficient.data() + part * k_part));
    const auto term = hn::Mul(coefficient, delta);
    sum = k == 0 ? term : hn::Add(sum, term);
    if constexpr (!OneWhole) {
      const auto all = hn::Mul(hn::LoadU(df, model.whole.data() + part * k_part), delta);
      whole = k == 0 ? all : hn::Add(whole, all);
    }
    const auto square = hn::Set(dd, model.squares[i]);
    const auto off =
        hn::IfThenElse(settings_in(dd, bits, part), hn::Mul(square, hn::LoadU(dd, model.error.data() + part * k_part)), square);
    error = k == 0 ? off : hn::Add(error, off);
  }
  const auto base = hn::Set(df, chunk.base[i]);
  const auto wide_base = hn::Set(dd, static_cast<double>(chunk.base[i]));
  const auto result = hn::Add(base, sum);
  const auto m = hn::Sub(hn::PromoteTo(dd, result), wide_base);
  auto u = wide_base;
  if constexpr (OneWhole) u = hn::Set(dd, chunk.undropped[i]);
  else u = hn::Sub(hn::PromoteTo(dd, hn::Add(base, whole)), wide_base);
  sums.product = hn::Add(sums.product, hn::Mul(m, u));
  sums.merged = hn::Add(sums.merged, hn::Mul(m, m));
  sums.error = hn::Add(sums.error, error);
  if constexpr (!OneWhole) sums.undropped = hn::Add(sums.undropped, hn::Mul(u, u));
  const auto beyond = hn::Sub(hn::BitCast(du, result), hn::Set(du, chunk.lowest[i]));
  const auto other = hn::Lt(hn::Set(du, chunk.width[i]), beyond);
  return bits_of(hn::Not(hn::Or(other, hn::RebindMask(du, hn::Eq(sum, hn::Zero(df))))), part);
}

template <std::size_t Models, bool OneWhole>
HWY_NOINLINE void add_part(const LaneChunk& chunk, std::size_t part, LaneSums& sums, std::uint16_t* lost) {
  Running running{sums, part};
  double delta = sums.delta;
  double undropped = sums.undropped[0];
  for (std::size_t i = 0; i < chunk.n; ++i) {
    const auto bits = add_element<Models, OneWhole>(chunk, i, part, running);
    lost[i] = part + 1 == k_parts ? bits : static_cast<std::uint16_t>(lost[i] | bits);
    if (part != 0) continue;
    delta += chunk.delta[i];
    if constexpr (OneWhole) undropped += chunk.undropped[i] * chunk.undropped[i];
  }
  running.store(sums, part);
  if (part != 0) return;
  sums.delta = delta;
  if constexpr (OneWhole) sums.undropped.fill(undropped);
}

template <std::size_t Models>
void add_parts(const LaneChunk& chunk, LaneSums& sums, std::uint16_t* lost) {
  // The part that has the sum which is the same for all comes last, since each stores its own.
  for (std::size_t part = k_parts; part-- > 0;) {
    if (chunk.undropped == nullptr) add_part<Models, false>(chunk, part, sums, lost);
    else add_part<Models, true>(chunk, part, sums, lost);
  }
}

void add_lanes(const LaneChunk& chunk, LaneSums& sums, std::uint16_t* lost) {
  switch (chunk.models.size()) {
    case 1:
      return add_parts<1>(chunk, sums, lost);
    case 2:
      return add_parts<2>(chunk, sums, lost);
    case 3:
      return add_parts<3>(chunk, sums, lost);
    default:
      return add_parts<0>(chunk, sums, lost);
  }
}

void whole_floats(const LaneChunk& chunk, double* undropped) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> df;
  for (std::size_t i = 0; i < chunk.n; i += hn::Lanes(dd)) {
    auto whole = hn::Set(df, -0.0F);
    for (const auto& model : chunk.models) whole = hn::Add(whole, hn::Mul(hn::Set(df, model.whole[0]), hn::LoadU(df, model.delta + i)));
    const auto base = hn::LoadU(df, chunk.base + i);
    hn::StoreU(hn::Sub(hn::PromoteTo(dd, hn::Add(base, whole)), hn::PromoteTo(dd, base)), dd, undropped + i);
  }
}

// Two marks at a time; the second may be none.
template <bool Two>
void mark_some(std::span<const std::uint16_t> draws, Mark& one, Mark& two, std::uint16_t* bits) {
  const hn::ScalableTag<std::uint16_t> d;
  const auto limit_one = hn::Set(d, one.limit);
  const auto bit_one = hn::Set(d, one.bit);
  const auto limit_two = hn::Set(d, two.limit);
  const auto bit_two = hn::Set(d, two.bit);
  Tally<decltype(d)> dropped_one;
  Tally<decltype(d)> dropped_two;
  auto tie_one = hn::Lt(limit_one, limit_one);
  auto tie_two = hn::Lt(limit_one, limit_one);
  for (std::size_t i = 0; i < draws.size(); i += hn::Lanes(d)) {
    const auto drawn = hn::LoadU(d, draws.data() + i);
    auto set = hn::LoadU(d, bits + i);
    const auto below_one = hn::Lt(drawn, limit_one);
    dropped_one.add(below_one);
    tie_one = hn::Or(tie_one, hn::Eq(drawn, limit_one));
    set = hn::Or(set, hn::IfThenZeroElse(below_one, bit_one));
    if constexpr (Two) {
      const auto below_two = hn::Lt(drawn, limit_two);
      dropped_two.add(below_two);
      tie_two = hn::Or(tie_two, hn::Eq(drawn, limit_two));
      set = hn::Or(set, hn::IfThenZeroElse(below_two, bit_two));
    }
    hn::StoreU(set, d, bits + i);
  }
  one.kept = draws.size() - dropped_one.total();
  one.tie = !hn::AllFalse(d, tie_one);
  if constexpr (!Two) return;
  two.kept = draws.size() - dropped_two.total();
  two.tie = !hn::AllFalse(d, tie_two);
}

void mark(std::span<const std::uint16_t> draws, std::span<Mark> marks, std::uint16_t* bits) {
  std::size_t s = 0;
  for (; s + 1 < marks.size(); s += 2) mark_some<true>(draws, marks[s], marks[s + 1], bits);
  if (s < marks.size()) mark_some<false>(draws, marks[s], marks[s], bits);
}

void count(const std::uint16_t* bits, std::size_t n, Lanes<std::uint64_t>& counts) {
  const hn::ScalableTag<std::uint16_t> d;
  for (std::size_t s = 0; s < k_lanes; ++s) {
    const auto bit = hn::Set(d, static_cast<std::uint16_t>(1U << s));
    Tally<decltype(d)> tally;
    for (std::size_t i = 0; i < n; i += hn::Lanes(d)) tally.add(hn::TestBit(hn::LoadU(d, bits + i), bit));
    counts[s] += tally.total();
  }
}

void conflicts_of(const LaneChunk& chunk, std::uint16_t* conflicts) {
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<std::uint16_t, decltype(df)> narrow;
  for (std::size_t i = 0; i < chunk.n; i += hn::Lanes(df)) {
    auto up = hn::Zero(du);
    auto down = hn::Zero(du);
    for (const auto& model : chunk.models) {
      const auto delta = hn::LoadU(df, model.delta + i);
      const auto kept = hn::PromoteTo(du, hn::LoadU(narrow, model.kept + i));
      up = hn::Or(up, hn::IfThenElseZero(hn::RebindMask(du, hn::Lt(hn::Zero(df), delta)), kept));
      down = hn::Or(down, hn::IfThenElseZero(hn::RebindMask(du, hn::Lt(delta, hn::Zero(df))), kept));
    }
    hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(di, hn::And(up, down))), narrow, conflicts + i);
  }
}

void square_floats(std::span<const float> values, double* squares, double* sums) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> df;
  for (std::size_t i = 0; i < values.size(); i += hn::Lanes(dd)) {
    const auto wide = hn::PromoteTo(dd, hn::LoadU(df, values.data() + i));
    const auto squared = hn::Mul(wide, wide);
    hn::StoreU(squared, dd, squares + i);
    hn::StoreU(hn::Add(hn::LoadU(dd, sums + i), squared), dd, sums + i);
  }
}

void bounds(std::span<const float> base, std::uint32_t* lowest, std::uint32_t* width) {
  const hn::ScalableTag<std::uint32_t> du;
  for (std::size_t i = 0; i < base.size(); i += hn::Lanes(du)) {
    const auto bits = hn::BitCast(du, hn::LoadU(hn::RebindToFloat<decltype(du)>(), base.data() + i));
    // Half a step to either side, and a step's half itself to the one that is even.
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
    const auto half = hn::Sub(hn::Set(du, 0x8000U), odd);
    hn::StoreU(hn::Sub(bits, half), du, lowest + i);
    hn::StoreU(hn::Add(half, half), du, width + i);
  }
}

float largest(std::span<const float> values) {
  const hn::ScalableTag<std::uint32_t> du;
  auto most = hn::Zero(du);
  for (std::size_t i = 0; i < values.size(); i += hn::Lanes(du)) {
    const auto bits = hn::BitCast(du, hn::LoadU(hn::RebindToFloat<decltype(du)>(), values.data() + i));
    most = hn::Max(most, hn::And(bits, hn::Set(du, 0x7FFFFFFFU)));
  }
  HWY_ALIGN std::uint32_t lanes[hn::MaxLanes(du)];
  hn::Store(most, du, lanes);
  return std::bit_cast<float>(*std::max_element(lanes, lanes + hn::Lanes(du)));
}

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(add_lanes);
HWY_EXPORT(mark);
HWY_EXPORT(count);
HWY_EXPORT(conflicts_of);
HWY_EXPORT(square_floats);
HWY_EXPORT(whole_floats);
HWY_EXPORT(bounds);
HWY_EXPORT(largest);

void add_chunk(const LaneChunk& chunk, LaneSums& sums, std::uint16_t* lost) {
  HWY_DYNAMIC_DISPATCH(add_lanes)(chunk, sums, lost);
}
void mark_kept(std::span<const std::uint16_t> draws, std::span<Mark> marks, std::uint16_t* bits) {
  HWY_DYNAMIC_DISPATCH(mark)(draws, marks, bits);
}
void count_bits(const std::uint16_t* bits, std::size_t n, Lanes<std::uint64_t>& counts) {
  HWY_DYNAMIC_DISPATCH(count)(bits, n, counts);
}
void mark_conflicts(const LaneChunk& chunk, std::uint16_t* conflicts) {
  HWY_DYNAMIC_DISPATCH(conflicts_of)(chunk, conflicts);
}
void add_whole(const LaneChunk& chunk, double* undropped) {
  HWY_DYNAMIC_DISPATCH(whole_floats)(chunk, undropped);
}
void square(std::span<const float> values, double* squares, double* sums) {
  HWY_DYNAMIC_DISPATCH(square_floats)(values, squares, sums);
}
void round_to_base(std::span<const float> base, std::uint32_t* lowest, std::uint32_t* width) {
  HWY_DYNAMIC_DISPATCH(bounds)(base, lowest, width);
}
float largest_magnitude(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(largest)(values);
}

}  // namespace dare::merge
#endif
