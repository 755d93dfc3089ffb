#include "merge/compat.hpp"
#include "merge/sparsifier.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <numeric>

namespace dare::merge {
namespace {

// Ranks of |delta| within the row that element `first` lies in, then rates by rank.
template <class W>
void enter_row(const Strip<W>& strip, const Run& run, std::size_t k, DellaRow& row) {
  const auto& settings = strip.settings;
  const auto& term = settings.models[k];
  row.first = strip.first / settings.row * settings.row;
  const auto end = std::min({row.first + settings.row, settings.elements, term.elements});
  const auto m = static_cast<std::size_t>(end - row.first);

  std::vector<W> base(m);
  std::vector<W> tuned(m);
  std::vector<W> delta(m);
  load_base<W>(settings, run, row.first, base);
  load_model<W>(settings, run, k, row.first, base, tuned, delta);
  std::vector<std::uint32_t> order(m);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return key_of(delta[a]) < key_of(delta[b]); });

  row.rates.resize(m);
  for (std::size_t j = 0; j < m; ++j) row.rates[order[j]] = della_rate(settings.compat, term, j, m);
}

}  // namespace

template <class W>
void keep_della(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch) {
  const auto& settings = strip.settings;
  const auto& term = strip.term(model);
  if (scratch.rows.size() < settings.models.size()) scratch.rows.resize(settings.models.size());
  auto& row = scratch.rows[model.term];
  if (row.first != strip.first / settings.row * settings.row) enter_row(strip, run, model.term, row);

  const random::DropStream stream{settings.seed, term.stream, settings.name};
  const auto draws = std::span{scratch.draws}.first(strip.size);
  stream.high_halves(strip.first, draws);
  model.kept = Kept::some;
  model.own_factors = term.rescale == Rescale::expected;
  for (std::size_t i = 0; i < strip.size; ++i) {
    const auto rate = row.rates[strip.first + i - row.first];
    const auto threshold = random::drop_threshold(rate);
    const auto tie = threshold >> 16U;  // 65,536 where all are dropped
    const bool dropped =
        draws[i] < tie || (draws[i] == tie && (threshold & 0xFFFFU) != 0 && stream.refinement(strip.first + i) < (threshold & 0xFFFFU));
    model.mask[i] = dropped ? 0 : 1;
    if (model.own_factors) model.factors[i] = rate == 1 ? 1 : 1 / (1 - rate);
  }
}

template void keep_della<float>(const Strip<float>&, const Run&, ModelStrip<float>&, SparsifierScratch&);
template void keep_della<double>(const Strip<double>&, const Run&, ModelStrip<double>&, SparsifierScratch&);

}  // namespace dare::merge
