// The paper's official code, in float32 and in its order of operations.
#include "merge/combiner.hpp"
#include "merge/sparsifier.hpp"

#include <algorithm>

namespace dare::merge {

void keep_mergelm(const Strip<float>& strip, ModelStrip<float>& model, SparsifierScratch& scratch) {
  const auto& settings = strip.settings;
  const auto& term = strip.term(model);
  if (scratch.twisters.size() < settings.models.size()) scratch.twisters.resize(settings.models.size());
  auto& stream = scratch.twisters[model.term];
  stream.seek(settings.seed, term.first_draw + strip.first);
  const auto p = static_cast<float>(term.rate.drop);
  model.kept = Kept::some;
  for (std::size_t i = 0; i < strip.size; ++i) model.mask[i] = stream.uniform() < p ? 0 : 1;
}

// d = (F - B)(1 - m), rescaled by division; B + lambda * sum of ((B + d) - B).
void combine_mergelm(const Strip<float>& strip) {
  const auto lambda = static_cast<float>(strip.settings.lambda);
  std::fill(strip.spare.begin(), strip.spare.end(), 0.0F);
  for (const auto& model : strip.models) {
    const auto& term = strip.term(model);
    const bool rescale = term.rescale == Rescale::expected && term.rate.drop != 1;  // nothing is left then, and nothing is divided
    const auto left = static_cast<float>(1 - term.rate.drop);
    for (std::size_t i = 0; i < strip.size; ++i) {
      float d = model.delta[i] * (model.keeps(i) ? 1.0F : 0.0F);
      if (rescale) d = d / left;
      strip.spare[i] = strip.spare[i] + ((strip.base[i] + d) - strip.base[i]);
    }
  }
  for (std::size_t i = 0; i < strip.size; ++i) {
    strip.result[i] = strip.base[i] + lambda * strip.spare[i];
    // -0 + 0 is 0 there: the base's own bits are kept only where they are the result's.
    strip.effect[i] = strip.spare[i] == 0 && same_bits(strip.result[i], strip.base[i]) ? Effect::base : Effect::moved;
  }
}

}  // namespace dare::merge
