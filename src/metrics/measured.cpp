#include "metrics/measured.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace dare::metrics {

void add_measured(Score& score, std::string name, const Statistic& statistic, const BootstrapOptions& options) {
  std::vector<std::uint32_t> all(score.examples);
  std::iota(all.begin(), all.end(), 0U);
  MeasuredValue measured{std::move(name), statistic(all)};
  if (options.resamples > 0 && !std::isnan(measured.value)) {
    measured.interval = bootstrap(all.size(), statistic, options);
    if (const auto undefined = measured.interval->undefined; undefined > 0) {
      score.notes.push_back(fmt::format("{}: {} of {} resamples have no value and are left out of the interval", measured.name, undefined,
                                        options.resamples));
    }
  }
  score.measures.push_back(std::move(measured));
}

}  // namespace dare::metrics
