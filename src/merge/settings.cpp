#include <dare/merge/settings.hpp>

#include "merge/combiner.hpp"
#include "merge/needs.hpp"
#include "merge/sparsifier.hpp"

#include <algorithm>

namespace dare::merge {

Extent clipped(Extent extent, std::uint64_t held) noexcept {
  if (extent.first >= held) return {extent.first, 0};
  return {extent.first, std::min(extent.elements, held - extent.first)};
}

bool works_in_float64(const TensorSettings& settings) noexcept {
  if (settings.compat == Compat::mergelm) return false;
  return works_in_float64(settings.base_dtype) ||
         std::any_of(settings.models.begin(), settings.models.end(), [](const auto& m) { return works_in_float64(m.dtype); });
}

bool needs_rows(const TensorSettings& settings) noexcept {
  return settings.sparsifier == Sparsifier::della || (settings.combiner == Combiner::model_stock && settings.filter_wise);
}

bool needs_whole_tensor(const TensorSettings& settings) noexcept {
  return settings.combiner == Combiner::regmean;
}

Extent extent_needed(const TensorSettings& settings, Extent wanted) noexcept {
  if (needs_whole_tensor(settings)) return {0, settings.elements};
  if (!needs_rows(settings) || wanted.elements == 0) return wanted;
  const auto row = std::max<std::uint64_t>(settings.row, 1);
  const auto first = wanted.first / row * row;
  const auto end = std::min(settings.elements, (wanted.end() + row - 1) / row * row);
  return {first, end - first};
}

bool selects_by_size(const TensorSettings& settings) noexcept {
  return settings.sparsifier == Sparsifier::magnitude || settings.sparsifier == Sparsifier::breadcrumbs;
}

bool selects_by_variance(const TensorSettings& settings) noexcept {
  return settings.combiner == Combiner::sce && settings.select_topk < 1;
}

bool rescales_by_l1(const TensorSettings& settings) noexcept {
  return settings.sparsifier != Sparsifier::none &&
         std::any_of(settings.models.begin(), settings.models.end(), [](const auto& term) { return term.rescale == Rescale::l1; });
}

unsigned statistics_passes(const TensorSettings& settings) noexcept {
  const auto selection = works_in_float64(settings) ? 4U : 2U;
  unsigned passes = 0;
  if (selects_by_size(settings) || selects_by_variance(settings)) passes += selection;
  if (rescales_by_l1(settings) || tensor_sums(settings) != 0) passes += 1;
  return passes;
}

bool needs_only_kept(const TensorSettings& settings) noexcept {
  return settings.sparsifier == Sparsifier::dare && settings.compat != Compat::mergelm && statistics_passes(settings) == 0;
}

std::uint64_t working_memory(const TensorSettings& settings) noexcept {
  const auto models = settings.models.size();
  const auto size = works_in_float64(settings) ? std::uint64_t{8} : 4;
  if (needs_whole_tensor(settings)) {
    const auto d = settings.row;
    return 8 * (2 * d * d + 2 * settings.elements);
  }
  if (settings.sparsifier == Sparsifier::della) {
    const auto of_ranks = settings.row > RankedRows::k_longest ? 0 : settings.row * sizeof(DellaRank);
    return settings.row * (4 * models + 5 * size) + models * of_ranks + RankedRows::memory(settings.row, models, size);
  }
  return 0;
}

}  // namespace dare::merge
