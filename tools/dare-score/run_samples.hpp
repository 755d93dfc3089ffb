#pragma once
/// HumanEval and MBPP: run every sample, keep every result, score them.

#include "settings.hpp"

#include <dare/metrics/score.hpp>

#include <string>

namespace dare::score {

/// Writes settings.results and gives pass@k.
/// @throws InputError  the results exist; samples and problems do not fit each other.
/// @throws Interrupted  by SIGINT, SIGTERM or SIGUSR1; the results so far are in FILE.part.
[[nodiscard]] metrics::Score run_samples(const Settings& settings);

}  // namespace dare::score
