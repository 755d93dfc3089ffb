#include "merge/combiner.hpp"
#include "merge/strip_loops.hpp"

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
    const auto g = rescale_factor(strip.statistics, term, model.term);
    add_to_sum(strip, model, {coefficient(strip.settings, term, g, n), strip.settings.lambda * term.weight, n}, sum);
  }
  finish_sum(strip, sum);
}

template void combine_task_arithmetic<float>(const Strip<float>&);
template void combine_task_arithmetic<double>(const Strip<double>&);

}  // namespace dare::merge
