#include "merge/combiner.hpp"

#include <algorithm>
#include <cmath>

namespace dare::merge {

// The base moves to the other model by at most t: fully where they are that near.
template <class W>
void combine_nearswap(const Strip<W>& strip) {
  const auto t = static_cast<W>(strip.settings.t);
  const auto least = static_cast<W>(1e-6);
  mark_effect(strip);
  if (strip.models.empty()) return;
  for (std::size_t i = 0; i < strip.size; ++i) {
    const auto b = strip.models[0].tuned[i];
    const auto weight = std::clamp(t / std::max(std::abs(strip.base[i] - b), least), W{0}, W{1});
    strip.result[i] = weight * b + (W{1} - weight) * strip.base[i];
  }
}

template void combine_nearswap<float>(const Strip<float>&);
template void combine_nearswap<double>(const Strip<double>&);

}  // namespace dare::merge
