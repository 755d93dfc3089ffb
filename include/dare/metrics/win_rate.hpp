#pragma once
/// Win rate of a model against a baseline, from pairwise preferences as AlpacaEval stores them.

#include <cstdint>
#include <span>

namespace dare::metrics {

struct WinRate {
  double rate;            ///< mean of preference - 1: a tie is a half; NaN without preferences
  double discrete_rate;   ///< the same after rounding each preference to win, tie or loss
  double standard_error;  ///< of `rate`: sample deviation (n - 1) over sqrt(n); NaN for fewer than two preferences
  std::uint64_t wins = 0;
  std::uint64_t losses = 0;
  std::uint64_t ties = 0;
};

/// @param preferences  from 1 (the baseline won) to 2 (the model won), 1.5 a tie; 0 is an old form of a tie.
/// @pre each is 0 or within [1, 2]
[[nodiscard]] WinRate win_rate(std::span<const double> preferences);

}  // namespace dare::metrics
