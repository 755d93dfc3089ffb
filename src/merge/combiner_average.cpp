#include "merge/combiner.hpp"

#include <algorithm>

namespace dare::merge {

template <class W>
void combine_average(const Strip<W>& strip) {
  const auto x = strip.spare;
  std::fill(strip.result.begin(), strip.result.end(), W{0});
  std::fill(strip.effect.begin(), strip.effect.end(), Effect::base);
  double weights = 0;
  for (const auto& model : strip.models) {
    averaged_values(strip, model, x);
    const auto w = static_cast<W>(strip.term(model).weight);
    for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] += w * x[i];
    weights += strip.term(model).weight;
  }
  const auto sum = static_cast<W>(weights);
  for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] /= sum;
}

template void combine_average<float>(const Strip<float>&);
template void combine_average<double>(const Strip<double>&);

}  // namespace dare::merge
