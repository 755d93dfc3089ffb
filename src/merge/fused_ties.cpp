#include "merge/fused_strip.hpp"
#include "random/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/fused_ties.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "merge/fused_step_inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
StripResult elect_float(const FusedStrip<float>&) {
  return {.plain = true};
}
StripResult elect_double(const FusedStrip<double>&) {
  return {.plain = true};
}
#else

// One vector's election.
template <class D>
struct Election {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;

  HWY_INLINE Election() : vote{hn::Zero(D())}, flip{vote}, sum{vote}, weights{vote} {}

  // The elected sign is +; or, where the vote is below 0 or NaN, everything is looked at negated.
  HWY_INLINE void elect() {
    const auto positive = hn::Ge(vote, hn::Zero(D()));
    flip = hn::IfThenElse(positive, hn::Zero(D()), hn::Set(D(), T{-0.0}));
  }
  HWY_INLINE void add(V term, V weight) {
    const auto seen = hn::Xor(term, flip);
    const auto agrees = hn::Gt(seen, hn::Zero(D()));
    sum = hn::IfThenElse(agrees, hn::Add(sum, seen), sum);
    weights = hn::IfThenElse(agrees, hn::Add(weights, weight), weights);
  }
  // Rounding is symmetric, so a sum of negated terms is the negated sum.
  HWY_INLINE V merged(bool normalize, T lambda) const {
    auto mean = hn::Xor(sum, flip);
    if (normalize) {
      const auto one = hn::Set(D(), T{1});
      mean = hn::Div(mean, hn::IfThenElse(hn::Eq(weights, hn::Zero(D())), one, weights));
    }
    return hn::Mul(hn::Set(D(), lambda), mean);
  }

  V vote, flip, sum, weights;
};

// Two passes over the models: the vote, then the sum over those that agree with it. A dropped term is 0 as in AddDeltas, and 0 has no
// sign. Terms of one pass wait for the other in strip.terms.
struct ElectDeltas {
  template <class C, int Vectors, bool Tail>
  static HWY_INLINE void step(const FusedStrip<typename C::W>& strip, std::size_t first, Totals<C>& totals) {
    using D = typename C::Wide;
    const D wide;
    constexpr auto k_wide = hn::MaxLanes(D());
    constexpr std::size_t k_each = Vectors * C::k_parts;  // terms of a model
    static_assert(k_each * k_wide <= k_terms);
    Bases<C, Vectors> bases;
    bases.template load<Tail>(strip, first, totals);
    Election<D> elections[k_each];
    auto* term = strip.terms;
    for (const auto& model : strip.models) {
      const auto coefficient = hn::Set(wide, model.coefficient);
      const auto vote = hn::Set(wide, model.vote);
      for (std::size_t v = 0; v < Vectors; ++v) {
        hn::Vec<D> tuned[C::k_parts];
        C::widen(kept_or_base<C, Tail>(strip, model, first + v * lanes<C>(), bases.raw[v], totals), tuned);
        for (std::size_t part = 0; part < C::k_parts; ++part) {
          const auto delta = hn::Sub(tuned[part], bases.value[v][part]);
          const auto product = hn::Mul(coefficient, delta);
          hn::Store(product, wide, term);
          term += k_wide;
          auto& count = elections[v * C::k_parts + part].vote;
          count = hn::Add(count, strip.weighted ? product : hn::Mul(vote, delta));
        }
      }
    }
    for (auto& election : elections) election.elect();
    term = strip.terms;
    for (const auto& model : strip.models) {
      const auto weight = hn::Set(wide, model.weight);
      for (auto& election : elections) {
        election.add(hn::Load(wide, term), weight);
        term += k_wide;
      }
    }
    for (std::size_t v = 0; v < Vectors; ++v) {
      hn::Vec<D> sum[C::k_parts];
      for (std::size_t part = 0; part < C::k_parts; ++part)
        sum[part] = elections[v * C::k_parts + part].merged(strip.normalize, strip.lambda);
      finish<C, Tail>(strip, first + v * lanes<C>(), bases.raw[v], bases.value[v], sum, totals);
    }
  }
};

StripResult elect_float(const FusedStrip<float>& strip) {
  switch (strip.lanes) {
    case FusedLanes::bf16:
      return over_strip<ElectDeltas, Bf16Lanes>(strip);
    case FusedLanes::f16:
      return over_strip<ElectDeltas, F16Lanes>(strip);
    default:
      return over_strip<ElectDeltas, PlainLanes<float> >(strip);
  }
}

StripResult elect_double(const FusedStrip<double>& strip) {
  return strip.lanes == FusedLanes::f64 ? over_strip<ElectDeltas, PlainLanes<double> >(strip)
                                        : over_strip<ElectDeltas, F32AsF64Lanes>(strip);
}

#endif
}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(elect_float);
HWY_EXPORT(elect_double);

StripResult elect_deltas(const FusedStrip<float>& strip) {
  return HWY_DYNAMIC_DISPATCH(elect_float)(strip);
}
StripResult elect_deltas(const FusedStrip<double>& strip) {
  return HWY_DYNAMIC_DISPATCH(elect_double)(strip);
}

}  // namespace dare::merge
#endif
