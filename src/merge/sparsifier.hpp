#pragma once
/// Sparsifiers: which elements of a model's delta take part. One file each; the table is in sparsifier.cpp.

#include "merge/mt19937_stream.hpp"
#include "merge/strip.hpp"

#include <array>
#include <vector>

namespace dare::merge {

/// What della knows of the row that it is in.
struct DellaRow {
  std::uint64_t first = k_all_elements;  ///< the row's first element; anything else: no row yet
  std::vector<double> rates;             ///< of the row's elements that the model has
};

/// Working memory of the sparsifiers.
struct SparsifierScratch {
  std::array<std::uint16_t, k_strip> draws;
  std::vector<DellaRow> rows;                    // one a model
  std::vector<Mt19937Stream> twisters;           // one a model
  void forget_rows() noexcept { rows.clear(); }  ///< before another run
};

/// Sets kept, mask and factors of one model's part.
template <class W>
void sparsify(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch);

/// |delta| as an ordered key: its bits; every NaN is the largest.
template <class W>
[[nodiscard]] std::uint64_t key_of(W value) noexcept;

// The sparsifiers.
template <class W>
void keep_dare(const Strip<W>& strip, ModelStrip<W>& model, SparsifierScratch& scratch);
template <class W>
void keep_by_cuts(const Strip<W>& strip, ModelStrip<W>& model);
template <class W>
void keep_della(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch);
void keep_mergelm(const Strip<float>& strip, ModelStrip<float>& model, SparsifierScratch& scratch);

}  // namespace dare::merge
