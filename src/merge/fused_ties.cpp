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

// The terms of some vectors of one model after another, kept between the two passes: in registers, if their number is known.
template <class D, int Count>
struct Terms {
  HWY_INLINE explicit Terms(hn::TFromD<D>*) {}
  HWY_INLINE void put(std::size_t i, hn::Vec<D> term) { terms[i] = term; }
  HWY_INLINE hn::Vec<D> get(std::size_t i) const { return terms[i]; }
  hn::Vec<D> terms[Count];
};
template <class D>
struct Terms<D, 0> {
  HWY_INLINE explicit Terms(hn::TFromD<D>* room) : terms{room} {}
  HWY_INLINE void put(std::size_t i, hn::Vec<D> term) { hn::Store(term, D(), terms + i * hn::MaxLanes(D())); }
  HWY_INLINE hn::Vec<D> get(std::size_t i) const { return hn::Load(D(), terms + i * hn::MaxLanes(D())); }
  hn::TFromD<D>* terms;
};

// Two passes over the models: the vote, then the sum over those that agree with it. A dropped term is 0 as in AddDeltas, and 0 has no
// sign. Models = 0: any number of them.
template <int Models>
struct ElectDeltas {
  static constexpr int k_vectors = 2;

  template <class C, int Vectors, bool Tail>
  static HWY_INLINE void step(const FusedStrip<typename C::W>& strip, std::size_t first, Totals<C>& totals) {
    using D = typename C::Wide;
    const D wide;
    constexpr std::size_t k_each = Vectors * C::k_parts;  // terms of a model
    static_assert(k_each * hn::MaxLanes(D()) <= k_terms);
    const auto count = Models > 0 ? static_cast<std::size_t>(Models) : strip.models.size();
    const auto* models = strip.models.data();
    Bases<C, Vectors> bases;
    bases.template load<Tail>(strip, first, totals);
    Election<D> elections[k_each];
    Terms<D, Models* static_cast<int>(k_each)> terms{strip.terms};
    DARE_UNROLL
    for (std::size_t k = 0; k < count; ++k) {
      const auto coefficient = hn::Set(wide, models[k].coefficient);
      for (std::size_t v = 0; v < Vectors; ++v) {
        hn::Vec<D> tuned[C::k_parts];
        C::widen(kept_or_base<C, Tail>(strip, models[k], first + v * lanes<C>(), bases.raw[v], totals), tuned);
        for (std::size_t part = 0; part < C::k_parts; ++part) {
          const auto delta = hn::Sub(tuned[part], bases.value[v][part]);
          const auto term = hn::Mul(coefficient, delta);
          const auto i = v * C::k_parts + part;
          terms.put(k * k_each + i, term);
          elections[i].vote = hn::Add(elections[i].vote, strip.weighted ? term : hn::Mul(hn::Set(wide, models[k].vote), delta));
        }
      }
    }
    for (auto& election : elections) election.elect();
    DARE_UNROLL
    for (std::size_t k = 0; k < count; ++k) {
      const auto weight = hn::Set(wide, models[k].weight);
      for (std::size_t i = 0; i < k_each; ++i) elections[i].add(terms.get(k * k_each + i), weight);
    }
    for (std::size_t v = 0; v < Vectors; ++v) {
      hn::Vec<D> sum[C::k_parts];
      for (std::size_t part = 0; part < C::k_parts; ++part)
        sum[part] = elections[v * C::k_parts + part].merged(strip.normalize, strip.lambda);
      finish<C, Tail>(strip, first + v * lanes<C>(), bases.raw[v], bases.value[v], sum, totals);
    }
  }
};

template <class C>
StripResult elect(const FusedStrip<typename C::W>& strip) {
  switch (strip.models.size()) {
    case 1:
      return over_strip<ElectDeltas<1>, C, ElectDeltas<0> >(strip);
    case 2:
      return over_strip<ElectDeltas<2>, C, ElectDeltas<0> >(strip);
    case 3:
      return over_strip<ElectDeltas<3>, C, ElectDeltas<0> >(strip);
    case 4:
      return over_strip<ElectDeltas<4>, C, ElectDeltas<0> >(strip);
    default:
      return over_strip<ElectDeltas<0>, C>(strip);
  }
}

StripResult elect_float(const FusedStrip<float>& strip) {
  switch (strip.lanes) {
    case FusedLanes::bf16:
      return elect<Bf16Lanes>(strip);
    case FusedLanes::f16:
      return elect<F16Lanes>(strip);
    default:
      return elect<PlainLanes<float> >(strip);
  }
}

StripResult elect_double(const FusedStrip<double>& strip) {
  return strip.lanes == FusedLanes::f64 ? elect<PlainLanes<double> >(strip) : elect<F32AsF64Lanes>(strip);
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
