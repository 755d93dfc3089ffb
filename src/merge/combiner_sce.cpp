#include "merge/combiner.hpp"
#include "merge/needs.hpp"
#include "merge/sparsifier.hpp"

#include <algorithm>
#include <cmath>

namespace dare::merge {
namespace {

// Over the models, divided by their number; from float64, rounded to W once.
template <class W>
W variance(const Strip<W>& strip, std::size_t i) {
  const auto n = static_cast<double>(strip.models.size());
  double mean = 0;
  for (const auto& model : strip.models) mean += static_cast<double>(model.delta[i]);
  mean /= n;
  double squares = 0;
  for (const auto& model : strip.models) {
    const auto off = static_cast<double>(model.delta[i]) - mean;
    squares += off * off;
  }
  return static_cast<W>(squares / n);
}

}  // namespace

template <class W>
bool sce_selects(const Strip<W>& strip, std::size_t i) {
  const auto& settings = strip.settings;
  if (!selects_by_variance(settings)) return true;
  if (settings.select_topk > 0 && one_alone(strip)) return true;
  return strip.statistics.selected.selects(key_of(variance(strip, i)), strip.first + i);
}

template <class W>
void sce_keys(const Strip<W>& strip, std::span<std::uint64_t> keys) {
  for (std::size_t i = 0; i < strip.size; ++i) keys[i] = strip.models.empty() ? 0 : key_of(variance(strip, i));
}

// Squared norms of the selected deltas.
std::size_t sums_of_sce(const TensorSettings& settings) {
  return settings.models.size();
}

template <class W>
void add_sce(const Strip<W>& strip, std::span<double> sums) {
  if (strip.models.empty()) return;
  for (std::size_t i = 0; i < strip.size; ++i) {
    if (!sce_selects(strip, i)) continue;
    for (const auto& model : strip.models) {
      const auto delta = static_cast<double>(model.delta[i]);
      sums[model.term] += delta * delta;
    }
  }
}

// Weights of the models: shares of the mean squares, or equal ones where there is next to nothing.
std::vector<double> coefficients_of_sce(const TensorSettings& settings, std::span<const double> sums) {
  std::vector<double> weights(sums.begin(), sums.end());
  double total = 0;
  for (auto& weight : weights) {
    weight = settings.elements == 0 ? 0 : weight / static_cast<double>(settings.elements);
    total += weight;
  }
  for (auto& weight : weights) weight = std::abs(total) < 1e-6 ? 1 / static_cast<double>(weights.size()) : weight / total;
  return weights;
}

template <class W>
void combine_sce(const Strip<W>& strip) {
  const auto least = static_cast<W>(1e-6);
  for (std::size_t i = 0; i < strip.size; ++i) {
    strip.effect[i] = Effect::base;
    if (strip.models.empty() || !sce_selects(strip, i)) continue;
    W vote = 0;
    for (const auto& model : strip.models) vote += model.delta[i];
    W sum = 0;
    W weights = 0;
    for (const auto& model : strip.models) {
      const auto delta = model.delta[i];
      if (!(vote >= 0 ? delta > 0 : delta < 0)) continue;
      const auto w = static_cast<W>(strip.coefficients[model.term]);
      sum += delta * w;
      weights += w;
    }
    const auto moved = one_alone(strip) ? strip.models[0].delta[i] : sum / std::max(weights, least);
    strip.result[i] = strip.base[i] + moved;
    strip.effect[i] = moved == 0 ? Effect::base : Effect::moved;
  }
}

template bool sce_selects<float>(const Strip<float>&, std::size_t);
template bool sce_selects<double>(const Strip<double>&, std::size_t);
template void sce_keys<float>(const Strip<float>&, std::span<std::uint64_t>);
template void sce_keys<double>(const Strip<double>&, std::span<std::uint64_t>);
template void add_sce<float>(const Strip<float>&, std::span<double>);
template void add_sce<double>(const Strip<double>&, std::span<double>);
template void combine_sce<float>(const Strip<float>&);
template void combine_sce<double>(const Strip<double>&);

}  // namespace dare::merge
