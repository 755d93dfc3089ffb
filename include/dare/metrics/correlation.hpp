#pragma once
/// Pearson's and Spearman's correlation, as scipy.stats.pearsonr and spearmanr.

#include <span>
#include <vector>

namespace dare::metrics {

/// Ranks from 1 on; equal values share the mean of their ranks.
[[nodiscard]] std::vector<double> ranks(std::span<const double> values);

/// Whether all are equal: no correlation with them has a value.
[[nodiscard]] bool constant(std::span<const double> values);

/// Pearson's r, within [-1, 1]. NaN: fewer than two pairs, one side constant, or a value that is not finite.
/// @pre equal lengths
[[nodiscard]] double pearson(std::span<const double> x, std::span<const double> y);

/// Spearman's rho: Pearson's r of the ranks. NaN: fewer than two pairs, one side constant, or a NaN among the values.
/// @pre equal lengths
[[nodiscard]] double spearman(std::span<const double> x, std::span<const double> y);

}  // namespace dare::metrics
