#include "merge/compat.hpp"
#include "merge/sparsifier.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <type_traits>

namespace dare::merge {
namespace {

template <class W>
struct Keyed {
  std::conditional_t<sizeof(W) == 4, std::uint32_t, std::uint64_t> key;
  std::uint32_t element;  // of the row
};

template <class W>
std::vector<Keyed<W>> keys_of_row(const Strip<W>& strip, const Run& run, std::size_t k, std::uint64_t first, std::size_t m) {
  std::vector<W> base(m);
  std::vector<W> tuned(m);
  std::vector<W> delta(m);
  load_base<W>(strip.settings, run, first, base);
  load_model<W>(strip.settings, run, k, first, base, tuned, delta);
  std::vector<Keyed<W>> row(m);
  for (std::size_t i = 0; i < m; ++i) row[i] = {static_cast<decltype(row[i].key)>(key_of(delta[i])), static_cast<std::uint32_t>(i)};
  return row;
}

// Equal keys keep their order. By bytes, the lowest first: a sort that compares takes most of a merge's time.
template <class W>
void sort_by_key(std::vector<Keyed<W>>& row) {
  constexpr std::size_t k_digits = sizeof(row.front().key);
  const auto digit = [](const Keyed<W>& one, std::size_t d) { return static_cast<std::uint8_t>(one.key >> (8 * d)); };
  std::array<std::array<std::size_t, 256>, k_digits> places{};  // by digit: how many have it, then where the next of them goes
  for (const auto& one : row) {
    for (std::size_t d = 0; d < k_digits; ++d) ++places[d][digit(one, d)];
  }
  std::vector<Keyed<W>> sorted(row.size());
  for (std::size_t d = 0; d < k_digits; ++d) {
    auto& next = places[d];
    if (next[digit(row.front(), d)] == row.size()) continue;
    std::exclusive_scan(next.begin(), next.end(), next.begin(), std::size_t{0});
    for (const auto& one : row) sorted[next[digit(one, d)]++] = one;
    row.swap(sorted);
  }
}

// Rates of the row that element `first` lies in, by the ranks of |delta|.
template <class W>
void enter_row(const Strip<W>& strip, const Run& run, std::size_t k, DellaRow& row) {
  const auto& settings = strip.settings;
  const auto& term = settings.models[k];
  row.first = strip.first / settings.row * settings.row;
  const auto end = std::min({row.first + settings.row, settings.elements, term.elements});
  const auto m = static_cast<std::size_t>(end - row.first);
  auto ranked = keys_of_row(strip, run, k, row.first, m);
  sort_by_key<W>(ranked);
  row.rates.resize(m);
  for (std::size_t j = 0; j < m; ++j) row.rates[ranked[j].element] = della_rate(settings.compat, term, j, m);
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
    bool dropped = draws[i] < tie;      // at random: no branch to guess
    if (draws[i] == tie && (threshold & 0xFFFFU) != 0) dropped = stream.refinement(strip.first + i) < (threshold & 0xFFFFU);
    model.mask[i] = dropped ? 0 : 1;
    if (model.own_factors) model.factors[i] = rate == 1 ? 1 : 1 / (1 - rate);
  }
}

template void keep_della<float>(const Strip<float>&, const Run&, ModelStrip<float>&, SparsifierScratch&);
template void keep_della<double>(const Strip<double>&, const Run&, ModelStrip<double>&, SparsifierScratch&);

}  // namespace dare::merge
