#include "merge/sparsifier.hpp"

#include "merge/keep_loops.hpp"

#include <algorithm>
#include <type_traits>

namespace dare::merge {
namespace {

// A cut among the keys and places of a strip.
template <class W>
StripCut cut_in(const Strip<W>& strip, const Cut& cut) {
  const auto before = cut.tie_end - std::min(cut.tie_end, strip.first);
  return {cut.key, static_cast<std::uint32_t>(std::min<std::uint64_t>(before, strip.size))};
}

}  // namespace

template <class W>
void keep_by_cuts(const Strip<W>& strip, ModelStrip<W>& model) {
  const auto& of = strip.statistics.models[model.term];
  model.kept = Kept::some;
  mark_between(model.delta, cut_in(strip, of.kept), cut_in(strip, of.outlier), model.mask);
}

template <class W>
void sparsify(const Strip<W>& strip, const Run& run, ModelStrip<W>& model, SparsifierScratch& scratch) {
  model.own_factors = false;
  switch (strip.settings.sparsifier) {
    case Sparsifier::none:
      model.kept = Kept::all;
      return;
    case Sparsifier::dare:
      if constexpr (std::is_same_v<W, float>) {
        if (strip.settings.compat == Compat::mergelm) return keep_mergelm(strip, model, scratch);
      }
      return keep_dare(strip, model, scratch);
    case Sparsifier::magnitude:
    case Sparsifier::breadcrumbs:
      return keep_by_cuts(strip, model);
    case Sparsifier::della:
      return keep_della(strip, run, model, scratch);
  }
}

template void keep_by_cuts<float>(const Strip<float>&, ModelStrip<float>&);
template void keep_by_cuts<double>(const Strip<double>&, ModelStrip<double>&);
template void sparsify<float>(const Strip<float>&, const Run&, ModelStrip<float>&, SparsifierScratch&);
template void sparsify<double>(const Strip<double>&, const Run&, ModelStrip<double>&, SparsifierScratch&);

}  // namespace dare::merge
