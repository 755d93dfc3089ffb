#include <dare/metrics/win_rate.hpp>

#include <cassert>
#include <cmath>
#include <limits>

namespace dare::metrics {
namespace {

double share(double preference) {
  return preference == 0 ? 0.5 : preference - 1;
}

}  // namespace

WinRate win_rate(std::span<const double> preferences) {
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  WinRate out{nan, nan, nan};
  double sum = 0;
  for (const auto preference : preferences) {
    assert(preference == 0 || (preference >= 1 && preference <= 2));
    const auto s = share(preference);
    sum += s;
    ++(s > 0.5 ? out.wins : s < 0.5 ? out.losses : out.ties);
  }
  const auto n = static_cast<double>(preferences.size());
  if (preferences.empty()) return out;
  out.rate = sum / n;
  out.discrete_rate = (static_cast<double>(out.wins) + 0.5 * static_cast<double>(out.ties)) / n;
  if (preferences.size() > 1) {
    double squares = 0;
    for (const auto preference : preferences) squares += (share(preference) - out.rate) * (share(preference) - out.rate);
    out.standard_error = std::sqrt(squares / (n - 1)) / std::sqrt(n);
  }
  return out;
}

}  // namespace dare::metrics
