#include "merge/combiner.hpp"
#include "merge/convert.hpp"

#include <algorithm>
#include <array>

namespace dare::merge {

// The factors w (f + 1e-6) are coefficients: float64, rounded to W once.
template <class W>
void combine_fisher(const Strip<W>& strip) {
  const auto x = strip.spare;
  std::array<double, k_strip> fisher;
  std::array<W, k_strip> sums{};
  std::fill(strip.result.begin(), strip.result.end(), W{0});
  std::fill(strip.effect.begin(), strip.effect.end(), Effect::base);
  for (const auto& model : strip.models) {
    averaged_values(strip, model, x);
    const auto& term = strip.term(model);
    widen<double>(term.auxiliary, model.weights, std::span{fisher}.first(strip.size));
    for (std::size_t i = 0; i < strip.size; ++i) {
      const auto c = static_cast<W>(term.weight * (fisher[i] + 1e-6));
      strip.result[i] += c * x[i];
      sums[i] += c;
    }
  }
  for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] /= sums[i];
}

template void combine_fisher<float>(const Strip<float>&);
template void combine_fisher<double>(const Strip<double>&);

}  // namespace dare::merge
