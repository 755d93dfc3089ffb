#include "merge/fused_strip.hpp"
#include "random/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/fused_arithmetic.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "merge/fused_step_inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
StripResult add_float(const FusedStrip<float>&) {
  return {.plain = true};
}
StripResult add_double(const FusedStrip<double>&) {
  return {.plain = true};
}
#else

// s = sum of c_k * (F_k - B) over the kept. A dropped element is given base's bits instead of the model's: its delta is then 0, and adding
// a zero of either sign to s changes nothing that the result shows, since where s == 0 it is base's.
struct AddDeltas {
  template <class C, int Vectors, bool Tail>
  static HWY_INLINE void step(const FusedStrip<typename C::W>& strip, std::size_t first, Totals<C>& totals) {
    const typename C::Wide wide;
    Bases<C, Vectors> bases;
    bases.template load<Tail>(strip, first, totals);
    hn::Vec<typename C::Wide> sum[Vectors][C::k_parts];
    for (int v = 0; v < Vectors; ++v) {
      for (int part = 0; part < C::k_parts; ++part) sum[v][part] = hn::Set(wide, typename C::W{-0.0});
    }
    for (const auto& model : strip.models) {
      const auto c = hn::Set(wide, model.coefficient);
      for (int v = 0; v < Vectors; ++v) {
        hn::Vec<typename C::Wide> tuned[C::k_parts];
        C::widen(kept_or_base<C, Tail>(strip, model, first + static_cast<std::size_t>(v) * lanes<C>(), bases.raw[v], totals), tuned);
        for (int part = 0; part < C::k_parts; ++part)
          sum[v][part] = hn::Add(sum[v][part], hn::Mul(c, hn::Sub(tuned[part], bases.value[v][part])));
      }
    }
    for (int v = 0; v < Vectors; ++v)
      finish<C, Tail>(strip, first + static_cast<std::size_t>(v) * lanes<C>(), bases.raw[v], bases.value[v], sum[v], totals);
  }
};

StripResult add_float(const FusedStrip<float>& strip) {
  switch (strip.lanes) {
    case FusedLanes::bf16:
      return over_strip<AddDeltas, Bf16Lanes>(strip);
    case FusedLanes::f16:
      return over_strip<AddDeltas, F16Lanes>(strip);
    default:
      return over_strip<AddDeltas, PlainLanes<float> >(strip);
  }
}

StripResult add_double(const FusedStrip<double>& strip) {
  return strip.lanes == FusedLanes::f64 ? over_strip<AddDeltas, PlainLanes<double> >(strip) : over_strip<AddDeltas, F32AsF64Lanes>(strip);
}

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(add_float);
HWY_EXPORT(add_double);

StripResult add_deltas(const FusedStrip<float>& strip) {
  return HWY_DYNAMIC_DISPATCH(add_float)(strip);
}
StripResult add_deltas(const FusedStrip<double>& strip) {
  return HWY_DYNAMIC_DISPATCH(add_double)(strip);
}

}  // namespace dare::merge
#endif
