#pragma once
/// RegMean: the one method that needs a whole tensor at once.

#include "merge/sparsifier.hpp"
#include "merge/strip.hpp"

#include <dare/merge/run.hpp>
#include <dare/merge/statistics.hpp>

#include <optional>
#include <vector>

namespace dare::merge {

/// What regmean made of a whole tensor.
struct RegmeanResult {
  std::vector<double> values;      ///< row-major, as the tensor
  std::optional<Finding> finding;  ///< then there are no values
};

/// (sum of w_k G_k)^-1 sum of w_k G_k x_k^T in float64, G_k with its off-diagonals times alpha.
/// @param run  holds the whole tensor, whatever part is wanted
template <class W>
[[nodiscard]] RegmeanResult regmean(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run,
                                    StripBuffers<W>& buffers, SparsifierScratch& scratch);

}  // namespace dare::merge
