#include "merge/combiner.hpp"

#include <algorithm>

namespace dare::merge {

template <class W>
void combine_task_arithmetic(const Strip<W>& strip) {
  const auto sum = strip.spare;
  std::fill(sum.begin(), sum.end(), W{-0.0});
  const auto n = normalizer(strip);
  for (const auto& model : strip.models) {
    if (model.kept == Kept::none) continue;
    const auto& term = strip.term(model);
    const auto scaled = strip.settings.lambda * term.weight;
    const auto c = static_cast<W>((scaled * rescale_factor(strip.statistics, term, model.term)) / n);
    for (std::size_t i = 0; i < strip.size; ++i) {
      if (!model.keeps(i)) continue;
      sum[i] += (model.own_factors ? static_cast<W>((scaled * model.factors[i]) / n) : c) * model.delta[i];
    }
  }
  for (std::size_t i = 0; i < strip.size; ++i) {
    strip.result[i] = strip.base[i] + sum[i];
    strip.effect[i] = sum[i] == 0 ? Effect::base : Effect::moved;
  }
}

template void combine_task_arithmetic<float>(const Strip<float>&);
template void combine_task_arithmetic<double>(const Strip<double>&);

}  // namespace dare::merge
