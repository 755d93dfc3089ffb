#pragma once
/// pass@k of generated programs (Chen et al., "Evaluating Large Language Models Trained on Code", 2021).

#include <cstdint>

namespace dare::metrics {

/// Unbiased estimate of the chance that at least one of k samples passes, from `samples` samples of which `passed` passed:
/// 1 - C(samples - passed, k) / C(samples, k).
/// @pre passed <= samples, 0 < k <= samples
[[nodiscard]] double pass_at_k(std::uint64_t samples, std::uint64_t passed, std::uint64_t k);

}  // namespace dare::metrics
