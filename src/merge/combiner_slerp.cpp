#include "merge/combiner.hpp"

#include <algorithm>
#include <cmath>

namespace dare::merge {
namespace {

constexpr double k_least_norm = 1e-8;
constexpr double k_collinear = 0.9995;  // above: linear interpolation

}  // namespace

// Squared norms of base and model, and their dot product.
std::size_t sums_of_slerp(const TensorSettings&) {
  return 3;
}

template <class W>
void add_slerp(const Strip<W>& strip, std::span<double> sums) {
  for (std::size_t i = 0; i < strip.size; ++i) {
    const auto a = static_cast<double>(strip.base[i]);
    sums[0] += a * a;
  }
  for (const auto& model : strip.models) {
    for (std::size_t i = 0; i < strip.size; ++i) {
      const auto a = static_cast<double>(strip.base[i]);
      const auto b = static_cast<double>(model.tuned[i]);
      sums[1] += b * b;
      sums[2] += a * b;
    }
  }
}

std::vector<double> coefficients_of_slerp(const TensorSettings& settings, std::span<const double> sums) {
  const auto norm = [](double square) {
    const auto root = std::sqrt(square);
    return root > k_least_norm ? root : 1;
  };
  const auto t = settings.t;
  const auto dot = std::clamp(sums[2] / (norm(sums[0]) * norm(sums[1])), -1.0, 1.0);
  if (std::abs(dot) > k_collinear) return {1 - t, t};
  const auto theta = std::acos(dot);
  const auto sine = std::sin(theta);
  return {std::sin((1 - t) * theta) / sine, std::sin(t * theta) / sine};
}

template <class W>
void combine_slerp(const Strip<W>& strip) {
  const auto a = static_cast<W>(strip.coefficients[0]);
  const auto b = static_cast<W>(strip.coefficients[1]);
  mark_effect(strip);
  if (strip.models.empty()) return;
  for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] = a * strip.base[i] + b * strip.models[0].tuned[i];
}

template void add_slerp<float>(const Strip<float>&, std::span<double>);
template void add_slerp<double>(const Strip<double>&, std::span<double>);
template void combine_slerp<float>(const Strip<float>&);
template void combine_slerp<double>(const Strip<double>&);

}  // namespace dare::merge
