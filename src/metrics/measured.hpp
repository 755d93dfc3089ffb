#pragma once
/// A measure's value with its interval.

#include <dare/metrics/score.hpp>

#include <string>

namespace dare::metrics {

/// Adds `statistic` over all examples, with its bootstrap interval where options.resamples > 0 and the value exists.
void add_measured(Score& score, std::string name, const Statistic& statistic, const BootstrapOptions& options);

}  // namespace dare::metrics
