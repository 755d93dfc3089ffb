#pragma once
/// Combiners: how the models' parts become one result. One file each; the table is in combiner.cpp.

#include "merge/strip.hpp"

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace dare::merge {

/// One row of the table. `sums` of a whole tensor, if a combiner needs any, become its coefficients.
struct CombinerRow {
  Combiner combiner;
  void (*narrow)(const Strip<float>&);
  void (*wide)(const Strip<double>&);
  std::size_t (*sums)(const TensorSettings&) = nullptr;                  ///< how many
  void (*add_narrow)(const Strip<float>&, std::span<double>) = nullptr;  ///< adds a strip to each, element by element
  void (*add_wide)(const Strip<double>&, std::span<double>) = nullptr;
  std::vector<double> (*coefficients)(const TensorSettings&, std::span<const double> sums) = nullptr;

  template <class W>
  [[nodiscard]] auto combine() const noexcept {
    if constexpr (sizeof(W) == 4) return narrow;
    else return wide;
  }
  template <class W>
  [[nodiscard]] auto add() const noexcept {
    if constexpr (sizeof(W) == 4) return add_narrow;
    else return add_wide;
  }
};

/// How many sums over the whole tensor a survey has to make; filter-wise model_stock makes its own of each row.
[[nodiscard]] std::size_t tensor_sums(const TensorSettings& settings) noexcept;

/// @pre the combiner works strip by strip (not regmean)
[[nodiscard]] const CombinerRow& row_of(const TensorSettings& settings) noexcept;

// semantics.md 2 and 3.
template <class W>
void combine_task_arithmetic(const Strip<W>& strip);
template <class W>
void combine_ties(const Strip<W>& strip);
template <class W>
void combine_average(const Strip<W>& strip);
template <class W>
void combine_fisher(const Strip<W>& strip);
void combine_mergelm(const Strip<float>& strip);
template <class W>
void combine_nearswap(const Strip<W>& strip);

// As mergekit defines them.
template <class W>
void combine_slerp(const Strip<W>& strip);
std::size_t sums_of_slerp(const TensorSettings& settings);
template <class W>
void add_slerp(const Strip<W>& strip, std::span<double> sums);
std::vector<double> coefficients_of_slerp(const TensorSettings& settings, std::span<const double> sums);

template <class W>
void combine_karcher(const Strip<W>& strip);
template <class W>
void add_karcher(const Strip<W>& strip, std::span<double> sums);
std::vector<double> coefficients_of_karcher(const TensorSettings& settings, std::span<const double> sums);

template <class W>
void combine_model_stock(const Strip<W>& strip);
template <class W>
void add_model_stock(const Strip<W>& strip, std::span<double> sums);
std::vector<double> coefficients_of_model_stock(const TensorSettings& settings, std::span<const double> sums);
/// t of the interpolation between the base and the mean of n models at n - 1, from the models that have element `first`.
std::vector<double> interpolations(const TensorSettings& settings, std::span<const double> sums, std::uint64_t first);

template <class W>
void combine_sce(const Strip<W>& strip);
std::size_t sums_of_sce(const TensorSettings& settings);
template <class W>
void add_sce(const Strip<W>& strip, std::span<double> sums);
std::vector<double> coefficients_of_sce(const TensorSettings& settings, std::span<const double> sums);
/// Whether one model alone is present, to which variance says nothing: its delta is taken whole. (mergekit: the base.)
template <class W>
[[nodiscard]] bool one_alone(const Strip<W>& strip) noexcept {
  return strip.models.size() == 1 && strip.settings.compat != Compat::mergekit;
}
/// Whether sce moves element `i` of the strip. @pre a model is present
template <class W>
[[nodiscard]] bool sce_selects(const Strip<W>& strip, std::size_t i);
/// The variances over the models that sce selects by, as keys.
template <class W>
void sce_keys(const Strip<W>& strip, std::span<std::uint64_t> keys);

// Shared by the combiners.

/// g of a model's kept elements in this tensor, where it is not the sparsifier's own per element.
[[nodiscard]] double rescale_factor(const TensorStatistics& statistics, const ModelTerm& term, std::size_t position) noexcept;

/// c of semantics.md 2: what a kept delta of g is multiplied with. @param n  the normalizer
[[nodiscard]] inline double coefficient(const TensorSettings& settings, const ModelTerm& term, double g, double n) noexcept {
  return ((settings.lambda * term.weight) * g) / n;
}

/// N of semantics.md 2: the sum of the models' weights where `normalize` is set, else 1. The first counts all models, the second those
/// that are present in the strip.
[[nodiscard]] double normalizer(const TensorSettings& settings) noexcept;
template <class W>
[[nodiscard]] double normalizer(const Strip<W>& strip) noexcept;

/// The coefficients of a filter-wise combiner (model_stock): those of the row that begins at element `first`, all of which `run` holds.
/// @param buffers  not those of a strip in use.
template <class W>
[[nodiscard]] std::vector<double> coefficients_of_row(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run,
                                                      std::uint64_t first, StripBuffers<W>& buffers);

/// Position among a combiner's sums of the dot product of models i <= j: the upper triangle, row by row.
[[nodiscard]] constexpr std::size_t pair_position(std::size_t models, std::size_t i, std::size_t j) noexcept {
  return i * models - i * (i + 1) / 2 + j;
}

/// How many dot products that are.
[[nodiscard]] inline std::size_t sums_of_pairs(const TensorSettings& settings) {
  const auto models = settings.models.size();
  return models * (models + 1) / 2;
}
/// Adds a strip's part of them.
/// @param vector  of what of each model: its `tuned` or its `delta`
template <class W>
void add_pairs(const Strip<W>& strip, std::span<W> ModelStrip<W>::*vector, std::span<double> sums) {
  const auto models = strip.settings.models.size();
  for (std::size_t a = 0; a < strip.models.size(); ++a) {
    for (std::size_t b = a; b < strip.models.size(); ++b) {
      auto& sum = sums[pair_position(models, strip.models[a].term, strip.models[b].term)];
      const auto x = strip.models[a].*vector;
      const auto y = strip.models[b].*vector;
      for (std::size_t i = 0; i < strip.size; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    }
  }
}

/// x_k of the averages: F_k without a sparsifier, else B + W(g) delta where kept and B where dropped. `effect` stays `base` where they are
/// B's bits.
template <class W>
void averaged_values(const Strip<W>& strip, const ModelStrip<W>& model, std::span<W> x);

/// Effect of combiners that move every element: `unmoved` where all present models have the base's bits; `base` where there are none.
template <class W>
void mark_effect(const Strip<W>& strip);

template <class W>
[[nodiscard]] bool same_bits(W a, W b) noexcept {
  using Bits = std::conditional_t<sizeof(W) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
}

}  // namespace dare::merge
