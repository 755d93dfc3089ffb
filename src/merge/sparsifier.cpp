#include "merge/sparsifier.hpp"

#include <bit>
#include <cmath>
#include <type_traits>

namespace dare::merge {

template <class W>
std::uint64_t key_of(W value) noexcept {
  if constexpr (sizeof(W) == 4) {
    return std::isnan(value) ? 0x7FC00000U : std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU;
  } else {
    return std::isnan(value) ? 0x7FF8000000000000U : std::bit_cast<std::uint64_t>(value) & ~(std::uint64_t{1} << 63U);
  }
}

template <class W>
void keep_by_cuts(const Strip<W>& strip, ModelStrip<W>& model) {
  const auto& of = strip.statistics.models[model.term];
  model.kept = Kept::some;
  for (std::size_t i = 0; i < strip.size; ++i) model.mask[i] = of.keeps(key_of(model.delta[i]), strip.first + i) ? 1 : 0;
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

template std::uint64_t key_of<float>(float) noexcept;
template std::uint64_t key_of<double>(double) noexcept;
template void keep_by_cuts<float>(const Strip<float>&, ModelStrip<float>&);
template void keep_by_cuts<double>(const Strip<double>&, ModelStrip<double>&);
template void sparsify<float>(const Strip<float>&, const Run&, ModelStrip<float>&, SparsifierScratch&);
template void sparsify<double>(const Strip<double>&, const Run&, ModelStrip<double>&, SparsifierScratch&);

}  // namespace dare::merge
