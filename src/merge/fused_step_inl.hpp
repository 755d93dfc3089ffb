// What the kernels of all combiners share: loads, the drop, the end of an element. Compiled once per instruction set, as lanes_inl.hpp.
#if defined(DARE_MERGE_FUSED_STEP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARE_MERGE_FUSED_STEP_INL
#undef DARE_MERGE_FUSED_STEP_INL
#else
#define DARE_MERGE_FUSED_STEP_INL
#endif

#include "merge/fused_strip.hpp"
#include "merge/lanes_inl.hpp"
#include "random/vector_targets.hpp"

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET != HWY_SCALAR

template <class C>
constexpr std::size_t lanes() {
  return hn::MaxLanes(typename C::Raw());
}
template <class C>
constexpr std::size_t element_size() {
  return sizeof(hn::TFromD<typename C::Raw>);
}

// What a strip shows, vector by vector.
template <class C>
struct Totals {
  HWY_INLINE Totals() : seen{C::nothing()} {}
  typename C::Seen seen;
  Tally<hn::RebindToUnsigned<typename C::Wide>> zeros;
  Tally<typename C::Raw> equal;
  std::uint64_t padding = 0;  // lanes of the tail that are no elements: 0, so they count in zeros and in equal
};

// A strip's last vectors, of which one may hold fewer elements; the others read as 0.
template <class C>
HWY_INLINE std::size_t bytes_left(std::size_t first, std::size_t n) {
  return (n - first < lanes<C>() ? n - first : lanes<C>()) * element_size<C>();
}

template <class C, bool Tail>
HWY_INLINE hn::Vec<typename C::Raw> load(const std::byte* from, std::size_t first, std::size_t n) {
  from += first * element_size<C>();
  if constexpr (Tail) {
    HWY_ALIGN std::byte padded[lanes<C>() * element_size<C>()] = {};
    std::memcpy(padded, from, bytes_left<C>(first, n));
    return load_bytes(typename C::Raw(), padded);
  } else {
    return load_bytes(typename C::Raw(), from);
  }
}

template <class C, int Vectors>
struct Bases {
  HWY_INLINE Bases() {}  // an implicit constructor would lack the target's instructions
  hn::Vec<typename C::Raw> raw[Vectors];
  hn::Vec<typename C::Wide> value[Vectors][C::k_parts];

  template <bool Tail>
  HWY_INLINE void load(const FusedStrip<typename C::W>& strip, std::size_t first, Totals<C>& totals) {
    for (int v = 0; v < Vectors; ++v) {
      raw[v] = HWY_NAMESPACE::load<C, Tail>(strip.base, first + static_cast<std::size_t>(v) * lanes<C>(), strip.n);
      totals.seen = C::look(totals.seen, raw[v]);
      C::widen(raw[v], value[v]);
    }
  }
};

// The model's elements, base's where they are dropped.
template <class C, bool Tail>
HWY_INLINE hn::Vec<typename C::Raw> kept_or_base(const FusedStrip<typename C::W>& strip, const FusedModel<typename C::W>& model,
                                                 std::size_t first, hn::Vec<typename C::Raw> base, Totals<C>& totals) {
  const typename C::Raw raw;
  const auto tuned = load<C, Tail>(model.tuned, first, strip.n);
  totals.seen = C::look(totals.seen, tuned);
  const auto draws = load_draws(raw, model.draws + first);
  return hn::IfThenElse(below(raw, draws, hn::Set(raw, model.limit)), base, tuned);
}

// base + sum, rounded; base's own bits where the sum is 0.
template <class C, bool Tail>
HWY_INLINE void finish(const FusedStrip<typename C::W>& strip, std::size_t first, hn::Vec<typename C::Raw> base,
                       const hn::Vec<typename C::Wide>* value, const hn::Vec<typename C::Wide>* sum, Totals<C>& totals) {
  const typename C::Raw raw;
  const typename C::Wide wide;
  const hn::RebindToUnsigned<typename C::Wide> wide_bits;
  hn::Vec<typename C::Wide> result[C::k_parts];
  for (int part = 0; part < C::k_parts; ++part) {
    const auto zero = hn::Eq(sum[part], hn::Zero(wide));
    result[part] = hn::IfThenElse(zero, value[part], hn::Add(value[part], sum[part]));
    totals.zeros.add(hn::RebindMask(wide_bits, zero));
  }
  if constexpr (C::k_parts == 1) {
    if (strip.wide_out != nullptr) {
      store_bytes(result[0], wide, reinterpret_cast<std::byte*>(strip.wide_out + first));
      if constexpr (Tail) totals.padding += lanes<C>() - bytes_left<C>(first, strip.n) / element_size<C>();
      return;
    }
  }
  const auto out = C::narrow(result);
  totals.seen = C::look(totals.seen, out);
  totals.equal.add(hn::Eq(out, base));
  auto* to = strip.out + first * element_size<C>();
  if constexpr (Tail) {
    HWY_ALIGN std::byte padded[lanes<C>() * element_size<C>()];
    store_bytes(out, raw, padded);
    const auto bytes = bytes_left<C>(first, strip.n);
    std::memcpy(to, padded, bytes);
    totals.padding += lanes<C>() - bytes / element_size<C>();
  } else {
    store_bytes(out, raw, to);
  }
}

template <class Kernel, class C>
StripResult over_strip(const FusedStrip<typename C::W>& strip) {
  constexpr auto k_step = 2 * lanes<C>();
  Totals<C> totals;
  std::size_t i = 0;
  for (; i + k_step <= strip.n; i += k_step) Kernel::template step<C, 2, false>(strip, i, totals);
  for (; i < strip.n; i += lanes<C>()) Kernel::template step<C, 1, true>(strip, i, totals);
  return {!C::all_finite(totals.seen), totals.zeros.total() - totals.padding, totals.equal.total() - totals.padding};
}

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
