#include "merge/sparsifier.hpp"

#include <dare/random/drop_stream.hpp>

namespace dare::merge {

// semantics.md 1: dropped iff the element's uniform is below the threshold.
template <class W>
void keep_dare(const Strip<W>& strip, ModelStrip<W>& model, SparsifierScratch& scratch) {
  const auto& term = strip.term(model);
  const auto threshold = random::drop_threshold(term.rate.drop);
  model.kept = threshold == 0 ? Kept::all : threshold >> 32U != 0 ? Kept::none : Kept::some;
  if (model.kept != Kept::some) return;
  const random::DropStream stream{strip.settings.seed, term.stream, strip.settings.name};
  const auto draws = std::span{scratch.draws}.first(strip.size);
  stream.high_halves(strip.first, draws);
  const auto limit = stream.settle(strip.first, threshold, draws);
  for (std::size_t i = 0; i < strip.size; ++i) model.mask[i] = draws[i] < limit ? 0 : 1;
}

template void keep_dare<float>(const Strip<float>&, ModelStrip<float>&, SparsifierScratch&);
template void keep_dare<double>(const Strip<double>&, ModelStrip<double>&, SparsifierScratch&);

}  // namespace dare::merge
