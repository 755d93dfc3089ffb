#include <dare/metrics/bootstrap.hpp>

#include <dare/random/philox.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace dare::metrics {
namespace {

// Lemire's method (ACM TOMACS 29, 2019): a multiplication, and a second draw only where the first would be biased.
std::uint32_t below(random::Philox& engine, std::uint32_t n) {
  auto product = std::uint64_t{engine()} * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t threshold = (0U - n) % n;
    while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{engine()} * n;
  }
  return static_cast<std::uint32_t>(product >> 32U);
}

double quantile(const std::vector<double>& sorted, double q) {
  const auto position = q * static_cast<double>(sorted.size() - 1);
  const auto lower = static_cast<std::size_t>(position);
  const auto upper = std::min(lower + 1, sorted.size() - 1);
  return sorted[lower] + (position - static_cast<double>(lower)) * (sorted[upper] - sorted[lower]);
}

}  // namespace

Interval bootstrap(std::size_t examples, const Statistic& statistic, const BootstrapOptions& options) {
  assert(examples > 0 && examples <= std::numeric_limits<std::uint32_t>::max());
  assert(options.resamples > 0 && options.confidence > 0 && options.confidence < 1);
  std::vector<std::uint32_t> sample(examples);
  std::vector<double> values;
  values.reserve(options.resamples);
  for (unsigned r = 0; r < options.resamples; ++r) {
    random::Philox engine{options.seed, r};
    for (auto& position : sample) position = below(engine, static_cast<std::uint32_t>(examples));
    const auto value = statistic(sample);
    if (!std::isnan(value)) values.push_back(value);
  }
  const auto undefined = options.resamples - static_cast<unsigned>(values.size());
  if (values.empty()) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN(), undefined};
  std::sort(values.begin(), values.end());
  return {quantile(values, (1 - options.confidence) / 2), quantile(values, (1 + options.confidence) / 2), undefined};
}

}  // namespace dare::metrics
