#include "merge/combiner.hpp"

#include "merge/compat.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace dare::merge {
namespace {

// Inputs of F32 alone, in which it works.
constexpr CombinerRow k_mergelm{Combiner::task_arithmetic, combine_mergelm, nullptr};

constexpr std::array k_rows{
    CombinerRow{Combiner::task_arithmetic, combine_task_arithmetic<float>, combine_task_arithmetic<double>},
    CombinerRow{Combiner::ties, combine_ties<float>, combine_ties<double>},
    CombinerRow{Combiner::average, combine_average<float>, combine_average<double>},
    CombinerRow{Combiner::fisher, combine_fisher<float>, combine_fisher<double>},
    CombinerRow{Combiner::nearswap, combine_nearswap<float>, combine_nearswap<double>},
    CombinerRow{Combiner::slerp, combine_slerp<float>, combine_slerp<double>, sums_of_slerp, add_slerp<float>, add_slerp<double>,
                coefficients_of_slerp},
    CombinerRow{Combiner::karcher, combine_karcher<float>, combine_karcher<double>, sums_of_pairs, add_karcher<float>, add_karcher<double>,
                coefficients_of_karcher},
    CombinerRow{Combiner::model_stock, combine_model_stock<float>, combine_model_stock<double>, sums_of_pairs, add_model_stock<float>,
                add_model_stock<double>, coefficients_of_model_stock},
    CombinerRow{Combiner::sce, combine_sce<float>, combine_sce<double>, sums_of_sce, add_sce<float>, add_sce<double>, coefficients_of_sce},
};

}  // namespace

const CombinerRow& row_of(const TensorSettings& settings) noexcept {
  if (settings.compat == Compat::mergelm) return k_mergelm;
  const auto* const row = std::find_if(k_rows.begin(), k_rows.end(), [&](const auto& r) { return r.combiner == settings.combiner; });
  assert(row != k_rows.end());
  return *row;
}

std::size_t tensor_sums(const TensorSettings& settings) noexcept {
  if (needs_whole_tensor(settings) || (settings.combiner == Combiner::model_stock && settings.filter_wise)) return 0;
  const auto& row = row_of(settings);
  return row.sums == nullptr ? 0 : row.sums(settings);
}

double rescale_factor(const TensorStatistics& statistics, const ModelTerm& term, std::size_t position) noexcept {
  switch (term.rescale) {
    case Rescale::expected:
      return term.rate.expected_factor();
    case Rescale::l1:
      return statistics.models[position].l1;
    case Rescale::none:
      return 1;
  }
  return 1;
}

double normalizer(const TensorSettings& settings) noexcept {
  if (!settings.normalize) return 1;
  double sum = 0;
  for (const auto& model : settings.models) sum += model.weight;
  return divisor(settings.compat, sum);
}

template <class W>
double normalizer(const Strip<W>& strip) noexcept {
  if (!strip.settings.normalize) return 1;
  double sum = 0;
  for (const auto& model : strip.models) sum += strip.term(model).weight;
  return divisor(strip.settings.compat, sum);
}

template <class W>
void averaged_values(const Strip<W>& strip, const ModelStrip<W>& model, std::span<W> x) {
  const auto& settings = strip.settings;
  const bool whole = settings.sparsifier == Sparsifier::none;
  const auto g = static_cast<W>(rescale_factor(strip.statistics, strip.term(model), model.term));
  for (std::size_t i = 0; i < strip.size; ++i) {
    if (whole) {
      x[i] = model.tuned[i];
    } else if (model.keeps(i)) {
      x[i] = strip.base[i] + (model.own_factors ? static_cast<W>(model.factors[i]) : g) * model.delta[i];
    } else {
      x[i] = strip.base[i];
    }
    if (!settings.has_base || !same_bits(x[i], strip.base[i])) strip.effect[i] = Effect::moved;
  }
}

template <class W>
void mark_effect(const Strip<W>& strip) {
  std::fill(strip.effect.begin(), strip.effect.end(), strip.models.empty() ? Effect::base : Effect::unmoved);
  for (const auto& model : strip.models) {
    for (std::size_t i = 0; i < strip.size; ++i) {
      if (!same_bits(model.tuned[i], strip.base[i])) strip.effect[i] = Effect::moved;
    }
  }
}

template <class W>
std::vector<double> coefficients_of_row(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run,
                                        std::uint64_t first, StripBuffers<W>& buffers) {
  auto row = run;
  row.wanted = {first, std::min(settings.row, settings.elements - first)};
  std::vector<double> sums(sums_of_pairs(settings));
  std::vector<double> of_block(sums.size());
  const auto end_block = [&] {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += std::exchange(of_block[i], 0.0);
  };
  StripReader<W> reader{settings, statistics, row, buffers};
  while (reader.next()) {
    const auto& strip = reader.strip();
    add_model_stock(strip, of_block);
    if ((strip.first + strip.size) % k_sum_block == 0) end_block();
  }
  end_block();
  return interpolations(settings, sums, first);
}

template std::vector<double> coefficients_of_row<float>(const TensorSettings&, const TensorStatistics&, const Run&, std::uint64_t,
                                                        StripBuffers<float>&);
template std::vector<double> coefficients_of_row<double>(const TensorSettings&, const TensorStatistics&, const Run&, std::uint64_t,
                                                         StripBuffers<double>&);
template double normalizer<float>(const Strip<float>&) noexcept;
template double normalizer<double>(const Strip<double>&) noexcept;
template void mark_effect<float>(const Strip<float>&);
template void mark_effect<double>(const Strip<double>&);
template void averaged_values<float>(const Strip<float>&, const ModelStrip<float>&, std::span<float>);
template void averaged_values<double>(const Strip<double>&, const ModelStrip<double>&, std::span<double>);

}  // namespace dare::merge
