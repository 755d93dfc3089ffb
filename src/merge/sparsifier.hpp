#pragma once
/// Sparsifiers: which elements of a model's delta take part. One file each; the table is in sparsifier.cpp.

#include "merge/mt19937_stream.hpp"
#include "merge/ranked_rows.hpp"
#include "merge/strip.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace dare::merge {

/// What an element of a row has by its rank among the row's |delta|, the smallest first.
struct DellaRank {
  double rate = 0;          ///< of dropping
  double factor = 1;        ///< of rescale expected
  std::uint32_t limit = 0;  ///< high half of the drop threshold, 65,536 where all are dropped
  std::uint16_t rest = 0;   ///< its low half
};

/// @param rank  among the m elements of a row. Pure.
[[nodiscard]] DellaRank rank_of(const TensorSettings& settings, const ModelTerm& term, std::size_t rank, std::size_t m) noexcept;

/// What della knows of the row that it is in.
struct DellaRow {
  std::uint64_t first = k_all_elements;  ///< the row's first element; anything else: no row yet
  std::vector<std::uint32_t> ranks;      ///< of the row's elements that the model has
  std::vector<DellaRank> by_rank;        ///< of a row of as many elements; empty where it is too long to keep them
  [[nodiscard]] DellaRank of(const TensorSettings& settings, const ModelTerm& term, std::uint64_t element) const noexcept {
    const auto rank = ranks[element - first];
    return by_rank.empty() ? rank_of(settings, term, rank, ranks.size()) : by_rank[rank];
  }
};

/// Working memory of the sparsifiers.
struct SparsifierScratch {
  std::array<std::uint16_t, k_strip> draws;
  std::array<std::uint32_t, k_strip> limits;
  std::vector<DellaRow> rows;                    // one a model
  RankedRows ranked;                             // of all settings that meet the same rows
  std::vector<Mt19937Stream> twisters;           // one a model
  void forget_rows() noexcept { rows.clear(); }  ///< before another run
};

/// Sets kept, mask and factors of one model's part.
template <class W>
void sparsify(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch);

/// |delta| as an ordered key: its bits; every NaN is the largest.
template <class W>
[[nodiscard]] constexpr std::uint64_t key_of(W value) noexcept {
  using Bits = std::conditional_t<sizeof(W) == 4, std::uint32_t, std::uint64_t>;
  constexpr auto k_infinite = std::bit_cast<Bits>(std::numeric_limits<W>::infinity());
  constexpr auto k_nan = std::bit_cast<Bits>(std::numeric_limits<W>::quiet_NaN());
  const auto size = std::bit_cast<Bits>(value) & (~Bits{0} >> 1U);
  return size > k_infinite ? k_nan : size;
}

// The sparsifiers.
template <class W>
void keep_dare(const Strip<W>& strip, ModelStrip<W>& model, SparsifierScratch& scratch);
template <class W>
void keep_by_cuts(const Strip<W>& strip, ModelStrip<W>& model);
template <class W>
void keep_della(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch);
void keep_mergelm(const Strip<float>& strip, ModelStrip<float>& model, SparsifierScratch& scratch);

}  // namespace dare::merge
