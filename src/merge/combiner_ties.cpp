#include "merge/combiner.hpp"

#include <algorithm>

namespace dare::merge {
namespace {

// t_k over the model's delta; the vote over `vote`. A dropped t_k is 0, which has no sign.
template <class W>
void weigh_and_vote(const Strip<W>& strip, const ModelStrip<W>& model, std::span<W> vote) {
  const auto& term = strip.term(model);
  const auto g = rescale_factor(strip.statistics, term, model.term);
  const bool weighted = strip.settings.sign == Sign::weighted;
  for (std::size_t i = 0; i < strip.size; ++i) {
    if (!model.keeps(i)) {
      model.delta[i] = 0;
      continue;
    }
    const auto own = model.own_factors ? model.factors[i] : g;
    const auto t = static_cast<W>(term.weight * own) * model.delta[i];
    vote[i] += weighted ? t : static_cast<W>(own) * model.delta[i];
    model.delta[i] = t;
  }
}

}  // namespace

template <class W>
void combine_ties(const Strip<W>& strip) {
  const auto vote = strip.spare;
  std::fill(vote.begin(), vote.end(), W{0});
  for (const auto& model : strip.models) weigh_and_vote(strip, model, vote);
  const auto lambda = static_cast<W>(strip.settings.lambda);
  for (std::size_t i = 0; i < strip.size; ++i) {
    const bool positive = vote[i] >= 0;
    W numerator = 0;
    W denominator = 0;
    for (const auto& model : strip.models) {
      const auto t = model.delta[i];
      if (!(positive ? t > 0 : t < 0)) continue;
      numerator += t;
      denominator += static_cast<W>(strip.term(model).weight);
    }
    if (denominator == 0) denominator = 1;
    const auto sum = lambda * (strip.settings.normalize ? numerator / denominator : numerator);
    strip.result[i] = strip.base[i] + sum;
    strip.effect[i] = sum == 0 ? Effect::base : Effect::moved;
  }
}

template void combine_ties<float>(const Strip<float>&);
template void combine_ties<double>(const Strip<double>&);

}  // namespace dare::merge
