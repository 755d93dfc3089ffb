#include "merge/compat.hpp"
#include "merge/keep_loops.hpp"
#include "merge/sparsifier.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace dare::merge {
namespace {

template <class W>
using KeyOf = std::conditional_t<sizeof(W) == 4, std::uint32_t, std::uint64_t>;

template <class W>
std::vector<KeyOf<W>> keys_of_row(const Strip<W>& strip, const Run& run, std::size_t k, std::uint64_t first, std::size_t m) {
  std::vector<W> base(m);
  std::vector<W> tuned(m);
  std::vector<W> delta(m);
  load_base<W>(strip.settings, run, first, base);
  load_model<W>(strip.settings, run, k, first, base, tuned, delta);
  std::vector<KeyOf<W>> keys(m);
  for (std::size_t i = 0; i < m; ++i) keys[i] = static_cast<KeyOf<W>>(key_of(delta[i]));
  return keys;
}

// The row that element `first` lies in.
template <class W>
void enter_row(const Strip<W>& strip, const Run& run, std::size_t k, SparsifierScratch& scratch) {
  const auto& settings = strip.settings;
  const auto& term = settings.models[k];
  auto& row = scratch.rows[k];
  row.first = strip.first / settings.row * settings.row;
  const auto end = std::min({row.first + settings.row, settings.elements, term.elements});
  const auto m = static_cast<std::size_t>(end - row.first);
  const auto keys = keys_of_row(strip, run, k, row.first, m);
  scratch.ranked.find(k, row.first, std::span<const KeyOf<W>>{keys}, row.ranks);
  if (row.by_rank.size() == m) return;
  row.by_rank.clear();
  if (m > RankedRows::k_longest) return;
  for (std::size_t j = 0; j < m; ++j) row.by_rank.push_back(rank_of(settings, term, j, m));
}

}  // namespace

DellaRank rank_of(const TensorSettings& settings, const ModelTerm& term, std::size_t rank, std::size_t m) noexcept {
  const auto rate = della_rate(settings.compat, term, rank, m);
  const auto threshold = random::drop_threshold(rate);
  return {rate, rate == 1 ? 1 : 1 / (1 - rate), static_cast<std::uint32_t>(threshold >> 16U), static_cast<std::uint16_t>(threshold)};
}

template <class W>
void keep_della(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch) {
  const auto& settings = strip.settings;
  const auto& term = strip.term(model);
  if (scratch.rows.size() < settings.models.size()) scratch.rows.resize(settings.models.size());
  const auto& row = scratch.rows[model.term];
  if (row.first != strip.first / settings.row * settings.row) enter_row(strip, run, model.term, scratch);

  const random::DropStream stream{settings.seed, term.stream, settings.name};
  const auto draws = std::span{scratch.draws}.first(strip.size);
  stream.high_halves(strip.first, draws);
  model.kept = Kept::some;
  model.own_factors = term.rescale == Rescale::expected;
  const auto of = [&](std::size_t i) { return row.of(settings, term, strip.first + i); };
  const auto limits = std::span{scratch.limits}.first(strip.size);
  for (std::size_t i = 0; i < strip.size; ++i) limits[i] = of(i).limit;
  if (mark_drawn(draws, limits, model.mask)) {
    for (std::size_t i = 0; i < strip.size; ++i) {
      if (draws[i] == limits[i] && stream.refinement(strip.first + i) < of(i).rest) model.mask[i] = 0;
    }
  }
  if (!model.own_factors) return;
  for (std::size_t i = 0; i < strip.size; ++i) model.factors[i] = of(i).factor;
}

template void keep_della<float>(const Strip<float>&, const Run&, ModelStrip<float>&, SparsifierScratch&);
template void keep_della<double>(const Strip<double>&, const Run&, ModelStrip<double>&, SparsifierScratch&);

}  // namespace dare::merge
