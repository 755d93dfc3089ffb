#include "merge/strip_loops.hpp"
#include "random/vector_targets.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/strip_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Elements whose numbers stay in the first-level cache.
constexpr std::size_t k_chunk = 256;

template <class W>
using BitsOf = std::conditional_t<sizeof(W) == 4, std::uint32_t, std::uint64_t>;

// The value where `keeps` is 1, 0 where it is 0.
template <class W>
HWY_INLINE W where(std::uint8_t keeps, W value) {
  return std::bit_cast<W>(std::bit_cast<BitsOf<W>>(value) & (BitsOf<W>{0} - BitsOf<W>{keeps}));
}

// As many as PartialSums has side by side, and those that are left.
template <class F>
HWY_INLINE void by_partials(std::size_t n, const F& add) {
  std::size_t i = 0;
  for (; i + k_partials <= n; i += k_partials) {
    for (std::size_t j = 0; j < k_partials; ++j) add(i + j, j);
  }
  for (std::size_t j = 0; i + j < n; ++j) add(i + j, j);
}

// t_k over the model's delta; the vote over `vote`. A dropped t_k is 0, which has no sign.
template <class W>
HWY_INLINE void vote_all(std::size_t n, W vote_factor, W factor, bool weighted, W* HWY_RESTRICT delta, W* HWY_RESTRICT vote) {
  if (weighted) {
    for (std::size_t i = 0; i < n; ++i) {
      delta[i] = factor * delta[i];
      vote[i] += delta[i];
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      vote[i] += vote_factor * delta[i];
      delta[i] = factor * delta[i];
    }
  }
}

template <class W>
HWY_INLINE void vote_kept(std::size_t n, W vote_factor, W factor, bool weighted, const std::uint8_t* HWY_RESTRICT mask,
                          W* HWY_RESTRICT delta, W* HWY_RESTRICT vote) {
  if (weighted) {
    for (std::size_t i = 0; i < n; ++i) {
      delta[i] = where(mask[i], factor * delta[i]);
      vote[i] += delta[i];
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      vote[i] += where(mask[i], vote_factor * delta[i]);
      delta[i] = where(mask[i], factor * delta[i]);
    }
  }
}

// With a factor per element. @pre some are kept, as the mask says
template <class W>
HWY_INLINE void vote_own(std::size_t n, double weight, bool weighted, const double* HWY_RESTRICT factors,
                         const std::uint8_t* HWY_RESTRICT mask, W* HWY_RESTRICT delta, W* HWY_RESTRICT vote) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto t = where(mask[i], static_cast<W>(weight * factors[i]) * delta[i]);
    vote[i] += weighted ? t : where(mask[i], static_cast<W>(factors[i]) * delta[i]);
    delta[i] = t;
  }
}

template <class W>
HWY_INLINE void vote_of(const Strip<W>& strip, const ModelStrip<W>& model, const TermFactors& factors, std::size_t first, std::size_t n,
                        W* vote) {
  auto* delta = model.delta.data() + first;
  const auto* mask = model.mask.data() + first;
  const bool weighted = strip.settings.sign == Sign::weighted;
  const auto factor = static_cast<W>(factors.weight * factors.expected);
  const auto vote_factor = static_cast<W>(factors.expected);
  if (model.kept == Kept::none) std::fill_n(delta, n, W{0});
  else if (model.own_factors) vote_own(n, factors.weight, weighted, model.factors.data() + first, mask, delta, vote);
  else if (model.kept == Kept::all) vote_all(n, vote_factor, factor, weighted, delta, vote);
  else vote_kept(n, vote_factor, factor, weighted, mask, delta, vote);
}

// The terms that have the sign of the vote, where it is 0 those above 0. Compilers make branches of this, which are anyone's guess.
template <class D>
HWY_INLINE void add_agreeing_from(D d, std::size_t i, const hn::TFromD<D>* vote, const hn::TFromD<D>* terms, hn::TFromD<D> weight,
                                  hn::TFromD<D>* numerator, hn::TFromD<D>* denominator) {
  const auto zero = hn::Zero(d);
  const auto t = hn::LoadU(d, terms + i);
  const auto up = hn::IfThenElseZero(hn::Gt(t, zero), t);
  const auto down = hn::IfThenElseZero(hn::Lt(t, zero), t);
  const auto agreeing = hn::IfThenElse(hn::Ge(hn::LoadU(d, vote + i), zero), up, down);
  const auto more = hn::IfThenElseZero(hn::Ne(agreeing, zero), hn::Set(d, weight));
  hn::StoreU(hn::Add(hn::LoadU(d, numerator + i), agreeing), d, numerator + i);
  hn::StoreU(hn::Add(hn::LoadU(d, denominator + i), more), d, denominator + i);
}
template <class W>
HWY_INLINE void add_agreeing(std::size_t n, const W* vote, const W* terms, W weight, W* numerator, W* denominator) {
  const hn::ScalableTag<W> d;
  const hn::CappedTag<W, 1> one;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) add_agreeing_from(d, i, vote, terms, weight, numerator, denominator);
  for (; i < n; ++i) add_agreeing_from(one, i, vote, terms, weight, numerator, denominator);
}

template <class W>
HWY_INLINE void elect_in(const Strip<W>& strip, std::span<const TermFactors> factors) {
  alignas(64) std::array<W, k_chunk> vote;
  alignas(64) std::array<W, k_chunk> numerator;
  alignas(64) std::array<W, k_chunk> denominator;
  const auto lambda = static_cast<W>(strip.settings.lambda);
  for (std::size_t first = 0; first < strip.size; first += k_chunk) {
    const auto n = std::min(k_chunk, strip.size - first);
    vote.fill(0);
    numerator.fill(0);
    denominator.fill(0);
    for (std::size_t k = 0; k < strip.models.size(); ++k) vote_of(strip, strip.models[k], factors[k], first, n, vote.data());
    for (std::size_t k = 0; k < strip.models.size(); ++k)
      add_agreeing(n, vote.data(), strip.models[k].delta.data() + first, static_cast<W>(factors[k].weight), numerator.data(),
                   denominator.data());
    if (strip.settings.normalize) {
      for (std::size_t i = 0; i < n; ++i) numerator[i] /= denominator[i] == 0 ? W{1} : denominator[i];
    }
    const auto* HWY_RESTRICT base = strip.base.data() + first;
    auto* HWY_RESTRICT result = strip.result.data() + first;
    auto* HWY_RESTRICT effect = reinterpret_cast<std::uint8_t*>(strip.effect.data() + first);
    for (std::size_t i = 0; i < n; ++i) {
      const auto sum = lambda * numerator[i];
      result[i] = base[i] + sum;
      effect[i] = static_cast<std::uint8_t>(sum == 0 ? Effect::base : Effect::moved);
    }
  }
}
void elect_float(const Strip<float>& strip, std::span<const TermFactors> factors) {
  elect_in<float>(strip, factors);
}
void elect_double(const Strip<double>& strip, std::span<const TermFactors> factors) {
  elect_in<double>(strip, factors);
}

// The value where `keeps` is 1; where it is 0 what changes no sum.
template <class W>
HWY_INLINE W where_or_negative_zero(std::uint8_t keeps, W value) {
  constexpr auto k_negative_zero = std::bit_cast<BitsOf<W>>(W{-0.0});
  return std::bit_cast<W>(std::bit_cast<BitsOf<W>>(where(keeps, value)) | (keeps != 0 ? BitsOf<W>{0} : k_negative_zero));
}

template <class W>
HWY_INLINE void add_to_sum_in(std::size_t n, const ModelStrip<W>& model, const SumFactors& factors, W* HWY_RESTRICT sum) {
  const auto* HWY_RESTRICT delta = model.delta.data();
  const auto* HWY_RESTRICT mask = model.mask.data();
  const auto c = static_cast<W>(factors.coefficient);
  if (model.own_factors) {
    const auto* HWY_RESTRICT own = model.factors.data();
    for (std::size_t i = 0; i < n; ++i)
      sum[i] += where_or_negative_zero(mask[i], static_cast<W>((factors.weight * own[i]) / factors.divisor) * delta[i]);
  } else if (model.kept == Kept::all) {
    for (std::size_t i = 0; i < n; ++i) sum[i] += c * delta[i];
  } else {
    for (std::size_t i = 0; i < n; ++i) sum[i] += where_or_negative_zero(mask[i], c * delta[i]);
  }
}
void add_to_sum_float(const Strip<float>& strip, const ModelStrip<float>& model, const SumFactors& factors, std::span<float> sum) {
  add_to_sum_in(strip.size, model, factors, sum.data());
}
void add_to_sum_double(const Strip<double>& strip, const ModelStrip<double>& model, const SumFactors& factors, std::span<double> sum) {
  add_to_sum_in(strip.size, model, factors, sum.data());
}

template <class W>
HWY_INLINE void finish_sum_in(const Strip<W>& strip, const W* HWY_RESTRICT sum) {
  const auto* HWY_RESTRICT base = strip.base.data();
  auto* HWY_RESTRICT result = strip.result.data();
  auto* HWY_RESTRICT effect = reinterpret_cast<std::uint8_t*>(strip.effect.data());
  for (std::size_t i = 0; i < strip.size; ++i) {
    result[i] = base[i] + sum[i];
    effect[i] = static_cast<std::uint8_t>(sum[i] == 0 ? Effect::base : Effect::moved);
  }
}
void finish_sum_float(const Strip<float>& strip, std::span<const float> sum) {
  finish_sum_in(strip, sum.data());
}
void finish_sum_double(const Strip<double>& strip, std::span<const double> sum) {
  finish_sum_in(strip, sum.data());
}

// The value where `keeps` is 1, 1 where it is 0.
HWY_INLINE double where_or_one(std::uint8_t keeps, double value) {
  constexpr auto k_one = std::bit_cast<std::uint64_t>(1.0);
  const auto all = std::uint64_t{0} - std::uint64_t{keeps};
  return std::bit_cast<double>((std::bit_cast<std::uint64_t>(value) & all) | (k_one & ~all));
}

template <class W>
HWY_INLINE KeptPart kept_part_in(const Strip<W>& strip, const ModelStrip<W>& model) {
  KeptPart part;
  const auto* HWY_RESTRICT delta = model.delta.data();
  const auto* HWY_RESTRICT mask = model.mask.data();
  auto whole = part.whole.values;
  by_partials(strip.size, [&](std::size_t i, std::size_t j) {
    const auto d = static_cast<double>(delta[i]);
    whole[j] += d * d;
  });
  part.whole.values = whole;
  if (model.kept == Kept::all) {
    part.count = strip.size;
    part.kept = part.whole;
  } else if (model.kept == Kept::some) {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < strip.size; ++i) count += mask[i];
    part.count = count;
    auto kept = part.kept.values;
    by_partials(strip.size, [&](std::size_t i, std::size_t j) {
      const auto d = static_cast<double>(where(mask[i], delta[i]));
      kept[j] += d * d;
    });
    part.kept.values = kept;
  }
  if (model.own_factors) {
    const auto* HWY_RESTRICT factors = model.factors.data();
    auto error = part.error.values;
    by_partials(strip.size, [&](std::size_t i, std::size_t j) {
      const auto d = static_cast<double>(delta[i]);
      const auto off = static_cast<double>(static_cast<W>(factors[i])) - 1;
      error[j] += where_or_one(mask[i], off * off) * (d * d);
    });
    part.error.values = error;
  }
  return part;
}
KeptPart kept_part_float(const Strip<float>& strip, const ModelStrip<float>& model) {
  return kept_part_in(strip, model);
}
KeptPart kept_part_double(const Strip<double>& strip, const ModelStrip<double>& model) {
  return kept_part_in(strip, model);
}

template <class W>
HWY_INLINE std::uint64_t conflicts_in(const Strip<W>& strip) {
  if (strip.models.size() < 2) return 0;
  std::uint64_t count = 0;
  for (std::size_t first = 0; first < strip.size; first += k_chunk) {
    const auto n = std::min(k_chunk, strip.size - first);
    std::array<std::uint8_t, k_chunk> up{};
    std::array<std::uint8_t, k_chunk> down{};
    for (const auto& model : strip.models) {
      if (model.kept == Kept::none) continue;
      const auto* HWY_RESTRICT delta = model.delta.data() + first;
      const auto* HWY_RESTRICT mask = model.mask.data() + first;
      if (model.kept == Kept::all) {
        for (std::size_t i = 0; i < n; ++i) up[i] = static_cast<std::uint8_t>(up[i] | (delta[i] > 0 ? 1 : 0));
        for (std::size_t i = 0; i < n; ++i) down[i] = static_cast<std::uint8_t>(down[i] | (delta[i] < 0 ? 1 : 0));
      } else {
        for (std::size_t i = 0; i < n; ++i) up[i] = static_cast<std::uint8_t>(up[i] | (mask[i] & (delta[i] > 0 ? 1 : 0)));
        for (std::size_t i = 0; i < n; ++i) down[i] = static_cast<std::uint8_t>(down[i] | (mask[i] & (delta[i] < 0 ? 1 : 0)));
      }
    }
    std::uint32_t both = 0;
    for (std::size_t i = 0; i < n; ++i) both += static_cast<std::uint32_t>(up[i] & down[i]);
    count += both;
  }
  return count;
}
std::uint64_t conflicts_float(const Strip<float>& strip) {
  return conflicts_in(strip);
}
std::uint64_t conflicts_double(const Strip<double>& strip) {
  return conflicts_in(strip);
}

template <class W>
HWY_INLINE double change(const W* result, const W* base, const std::uint8_t* effect, std::size_t i) {
  return static_cast<double>(where(static_cast<std::uint8_t>(effect[i] != static_cast<std::uint8_t>(Effect::base)), result[i] - base[i]));
}

template <class W>
HWY_INLINE void changes_in(const Strip<W>& strip, std::span<double> to) {
  const auto* HWY_RESTRICT result = strip.result.data();
  const auto* HWY_RESTRICT base = strip.base.data();
  const auto* HWY_RESTRICT effect = reinterpret_cast<const std::uint8_t*>(strip.effect.data());
  auto* HWY_RESTRICT out = to.data();
  for (std::size_t i = 0; i < strip.size; ++i) out[i] = change(result, base, effect, i);
}
void changes_float(const Strip<float>& strip, std::span<double> to) {
  changes_in(strip, to);
}
void changes_double(const Strip<double>& strip, std::span<double> to) {
  changes_in(strip, to);
}

template <class W>
HWY_INLINE ChangeSums change_sums_in(const Strip<W>& strip, std::span<const double> undropped) {
  alignas(64) std::array<double, k_strip> merged;
  changes_in(strip, std::span<double>{merged});
  const auto* HWY_RESTRICT m = merged.data();
  const auto* HWY_RESTRICT u = undropped.data();
  ChangeSums sums;
  auto product = sums.product.values;
  auto squares = sums.merged.values;
  auto whole = sums.undropped.values;
  by_partials(strip.size, [&](std::size_t i, std::size_t j) { product[j] += m[i] * u[i]; });
  by_partials(strip.size, [&](std::size_t i, std::size_t j) { squares[j] += m[i] * m[i]; });
  by_partials(strip.size, [&](std::size_t i, std::size_t j) { whole[j] += u[i] * u[i]; });
  sums.product.values = product;
  sums.merged.values = squares;
  sums.undropped.values = whole;
  return sums;
}
ChangeSums change_sums_float(const Strip<float>& strip, std::span<const double> undropped) {
  return change_sums_in(strip, undropped);
}
ChangeSums change_sums_double(const Strip<double>& strip, std::span<const double> undropped) {
  return change_sums_in(strip, undropped);
}

}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(elect_float);
HWY_EXPORT(elect_double);
HWY_EXPORT(add_to_sum_float);
HWY_EXPORT(add_to_sum_double);
HWY_EXPORT(finish_sum_float);
HWY_EXPORT(finish_sum_double);
HWY_EXPORT(kept_part_float);
HWY_EXPORT(kept_part_double);
HWY_EXPORT(conflicts_float);
HWY_EXPORT(conflicts_double);
HWY_EXPORT(changes_float);
HWY_EXPORT(changes_double);
HWY_EXPORT(change_sums_float);
HWY_EXPORT(change_sums_double);

void elect(const Strip<float>& strip, std::span<const TermFactors> factors) {
  HWY_DYNAMIC_DISPATCH(elect_float)(strip, factors);
}
void elect(const Strip<double>& strip, std::span<const TermFactors> factors) {
  HWY_DYNAMIC_DISPATCH(elect_double)(strip, factors);
}
void add_to_sum(const Strip<float>& strip, const ModelStrip<float>& model, const SumFactors& factors, std::span<float> sum) {
  HWY_DYNAMIC_DISPATCH(add_to_sum_float)(strip, model, factors, sum);
}
void add_to_sum(const Strip<double>& strip, const ModelStrip<double>& model, const SumFactors& factors, std::span<double> sum) {
  HWY_DYNAMIC_DISPATCH(add_to_sum_double)(strip, model, factors, sum);
}
void finish_sum(const Strip<float>& strip, std::span<const float> sum) {
  HWY_DYNAMIC_DISPATCH(finish_sum_float)(strip, sum);
}
void finish_sum(const Strip<double>& strip, std::span<const double> sum) {
  HWY_DYNAMIC_DISPATCH(finish_sum_double)(strip, sum);
}
KeptPart kept_part(const Strip<float>& strip, const ModelStrip<float>& model) {
  return HWY_DYNAMIC_DISPATCH(kept_part_float)(strip, model);
}
KeptPart kept_part(const Strip<double>& strip, const ModelStrip<double>& model) {
  return HWY_DYNAMIC_DISPATCH(kept_part_double)(strip, model);
}
std::uint64_t count_conflicts(const Strip<float>& strip) {
  return HWY_DYNAMIC_DISPATCH(conflicts_float)(strip);
}
std::uint64_t count_conflicts(const Strip<double>& strip) {
  return HWY_DYNAMIC_DISPATCH(conflicts_double)(strip);
}
void changes(const Strip<float>& strip, std::span<double> to) {
  HWY_DYNAMIC_DISPATCH(changes_float)(strip, to);
}
void changes(const Strip<double>& strip, std::span<double> to) {
  HWY_DYNAMIC_DISPATCH(changes_double)(strip, to);
}
ChangeSums change_sums(const Strip<float>& strip, std::span<const double> undropped) {
  return HWY_DYNAMIC_DISPATCH(change_sums_float)(strip, undropped);
}
ChangeSums change_sums(const Strip<double>& strip, std::span<const double> undropped) {
  return HWY_DYNAMIC_DISPATCH(change_sums_double)(strip, undropped);
}

}  // namespace dare::merge
#endif
