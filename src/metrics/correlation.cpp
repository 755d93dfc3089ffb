#include <dare/metrics/correlation.hpp>

#include "metrics/undefined.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace dare::metrics {
namespace {

// Differences from the mean, divided by the largest: squares neither overflow nor vanish, and r does not depend on the scale.
std::vector<double> centred(std::span<const double> values) {
  double largest = 0;
  for (const auto v : values) largest = std::max(largest, std::abs(v));
  const auto scale = largest > 0 ? largest : 1.0;
  double sum = 0;
  for (const auto v : values) sum += v / scale;
  const auto mean = sum / static_cast<double>(values.size());
  std::vector<double> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), [&](double v) { return v / scale - mean; });
  double widest = 0;
  for (const auto v : out) widest = std::max(widest, std::abs(v));
  if (widest > 0) {
    for (auto& v : out) v /= widest;
  }
  return out;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

bool constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
}

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t first = 0; first < order.size();) {
    auto last = first + 1;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    const auto shared = static_cast<double>(first + 1 + last) / 2;  // ranks first + 1 ... last
    for (auto i = first; i < last; ++i) out[order[i]] = shared;
    first = last;
  }
  return out;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  assert(x.size() == y.size());
  const auto finite = [](double v) { return std::isfinite(v); };
  if (x.size() < 2 || !std::all_of(x.begin(), x.end(), finite) || !std::all_of(y.begin(), y.end(), finite)) return k_undefined;
  if (constant(x) || constant(y)) return k_undefined;
  const auto a = centred(x);
  const auto b = centred(y);
  const auto aa = dot(a, a);
  const auto bb = dot(b, b);
  const auto norms = aa == bb ? aa : std::sqrt(aa) * std::sqrt(bb);  // of equal values r is 1 exactly
  return norms > 0 ? std::clamp(dot(a, b) / norms, -1.0, 1.0) : k_undefined;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  assert(x.size() == y.size());
  const auto is_nan = [](double v) { return std::isnan(v); };
  // NaN has no rank (and would break the order that sorting needs).
  if (std::any_of(x.begin(), x.end(), is_nan) || std::any_of(y.begin(), y.end(), is_nan)) return k_undefined;
  return pearson(ranks(x), ranks(y));
}

}  // namespace dare::metrics
