#include "merge/combiner.hpp"
#include "merge/compat.hpp"
#include "merge/needs.hpp"
#include "merge/tensor_survey.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace dare::merge {
namespace {

// Sums of |delta| and of the kept |delta|.
template <class W>
void add_l1(const Strip<W>& strip, const ModelStrip<W>& model, double& all, double& kept) {
  for (std::size_t i = 0; i < strip.size; ++i) {
    const auto size = std::abs(static_cast<double>(model.delta[i]));
    all += size;
    if (model.keeps(i)) kept += size;
  }
}

}  // namespace

SumStage::SumStage(const TensorSettings& settings)
    : settings_{&settings},
      l1_{rescales_by_l1(settings)},
      of_combiner_{tensor_sums(settings)},
      quantities_{of_combiner_ + (l1_ ? 2 * settings.models.size() : 0)},
      blocks_{static_cast<std::size_t>(sum_blocks(settings.elements))},
      running_(quantities_) {}

template <class W>
void SumStage::feed(const Run& run, Strip<W>& strip, SparsifierScratch& scratch) {
  // A strip lies within one block; a block's sums go on where the last strip left them.
  const auto stored = sums_.subspan(strip.first / k_sum_block * quantities_, quantities_);
  std::transform(stored.begin(), stored.end(), running_.begin(), [](auto bits) { return std::bit_cast<double>(bits); });
  const auto l1 = std::span{running_}.subspan(of_combiner_);
  if (l1_) {
    for (auto& model : strip.models) {
      sparsify(strip, run, model, scratch);
      add_l1(strip, model, l1[2 * model.term], l1[2 * model.term + 1]);
    }
  }
  if (of_combiner_ != 0) row_of(*settings_).template add<W>()(strip, std::span{running_}.first(of_combiner_));
  std::transform(running_.begin(), running_.end(), stored.begin(), [](auto sum) { return std::bit_cast<std::int64_t>(sum); });
}

void SumStage::apply(TensorStatistics& statistics) const {
  std::vector<double> totals(quantities_);
  for (std::size_t b = 0; b < blocks_; ++b) {
    for (std::size_t q = 0; q < quantities_; ++q) totals[q] += std::bit_cast<double>(sums_[b * quantities_ + q]);
  }
  if (l1_) {
    for (std::size_t k = 0; k < settings_->models.size(); ++k)
      statistics.models[k].l1 = l1_factor(settings_->compat, totals[of_combiner_ + 2 * k], totals[of_combiner_ + 2 * k + 1]);
  }
  if (of_combiner_ != 0) statistics.coefficients = row_of(*settings_).coefficients(*settings_, std::span{totals}.first(of_combiner_));
}

template void SumStage::feed<float>(const Run&, Strip<float>&, SparsifierScratch&);
template void SumStage::feed<double>(const Run&, Strip<double>&, SparsifierScratch&);

}  // namespace dare::merge
