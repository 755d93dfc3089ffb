#pragma once
/// Bootstrap confidence intervals: examples are drawn with replacement and the measure is computed anew, many times.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace dare::metrics {

struct BootstrapOptions {
  unsigned resamples = 1000;  ///< 0: no interval
  double confidence = 0.95;   ///< above 0, below 1
  std::uint64_t seed = 42;
};

/// Percentile interval (Efron, 1979) between the quantiles (1 - confidence) / 2 and (1 + confidence) / 2 of the resamples' values;
/// quantiles interpolate linearly between order statistics.
struct Interval {
  double low;          ///< NaN where no resample has a value
  double high;         ///< NaN where no resample has a value
  unsigned undefined;  ///< resamples left out because the measure has no value (NaN) there
};

/// The measure of the examples whose positions are given, repetitions included.
using Statistic = std::function<double(std::span<const std::uint32_t> sample)>;

/// Interval of `statistic` over `examples` examples. Resample r draws with Philox{seed, r}: the same on every machine, and the
/// same examples for each measure of one file. Local.
/// @pre 0 < examples < 2^32, options.resamples > 0, 0 < options.confidence < 1
[[nodiscard]] Interval bootstrap(std::size_t examples, const Statistic& statistic, const BootstrapOptions& options);

}  // namespace dare::metrics
