#include <dare/metrics/pass_at_k.hpp>

#include <cassert>

namespace dare::metrics {

double pass_at_k(std::uint64_t samples, std::uint64_t passed, std::uint64_t k) {
  assert(passed <= samples && k > 0 && k <= samples);
  const auto failed = samples - passed;
  if (failed < k) return 1.0;
  // The quotient of the binomials as a product of factors below 1: neither overflows for thousands of samples.
  double all_fail = 1.0;
  for (auto i = failed + 1; i <= samples; ++i) all_fail *= 1.0 - static_cast<double>(k) / static_cast<double>(i);
  return 1.0 - all_fail;
}

}  // namespace dare::metrics
