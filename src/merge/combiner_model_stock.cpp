#include "merge/combiner.hpp"

#include <algorithm>
#include <cmath>

namespace dare::merge {
namespace {

// The mean over the pairs of models that have element `first`.
double mean_cosine(const TensorSettings& settings, std::span<const double> sums, std::uint64_t first) {
  const auto models = settings.models.size();
  double cosines = 0;
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < models; ++i) {
    for (std::size_t j = i + 1; j < models; ++j) {
      if (settings.models[i].elements <= first || settings.models[j].elements <= first) continue;
      const auto norms = std::sqrt(sums[pair_position(models, i, i)]) * std::sqrt(sums[pair_position(models, j, j)]);
      cosines += std::clamp(sums[pair_position(models, i, j)] / std::max(norms, 1e-6), -1.0, 1.0);
      ++pairs;
    }
  }
  return pairs == 0 ? 0 : cosines / static_cast<double>(pairs);
}

// t of the interpolation between the base and the mean of `models` models. One alone is taken as it is.
double interpolation(std::size_t models, double cosine) {
  if (models == 1) return 1;
  const auto count = static_cast<double>(models);
  const auto denominator = 1 + (count - 1) * cosine;
  return std::abs(denominator) < 1e-6 ? 0 : count * cosine / denominator;  // singular: the base
}

}  // namespace

template <class W>
void add_model_stock(const Strip<W>& strip, std::span<double> sums) {
  add_pairs(strip, &ModelStrip<W>::delta, sums);
}

// One for each number of models that rows may have.
std::vector<double> interpolations(const TensorSettings& settings, std::span<const double> sums, std::uint64_t first) {
  const auto cosine = mean_cosine(settings, sums, first);
  std::vector<double> all;
  for (std::size_t models = 1; models <= settings.models.size(); ++models) all.push_back(interpolation(models, cosine));
  return all;
}

std::vector<double> coefficients_of_model_stock(const TensorSettings& settings, std::span<const double> sums) {
  return interpolations(settings, sums, 0);
}

template <class W>
void combine_model_stock(const Strip<W>& strip) {
  mark_effect(strip);
  if (strip.models.empty()) return;
  const auto t = strip.coefficients[strip.models.size() - 1];
  const auto to_mean = static_cast<W>(t);
  const auto to_base = static_cast<W>(1 - t);
  const auto count = static_cast<W>(strip.models.size());
  std::fill(strip.result.begin(), strip.result.end(), W{0});
  for (const auto& model : strip.models) {
    for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] += model.tuned[i];
  }
  for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] = to_mean * (strip.result[i] / count) + to_base * strip.base[i];
}

template void add_model_stock<float>(const Strip<float>&, std::span<double>);
template void add_model_stock<double>(const Strip<double>&, std::span<double>);
template void combine_model_stock<float>(const Strip<float>&);
template void combine_model_stock<double>(const Strip<double>&);

}  // namespace dare::merge
