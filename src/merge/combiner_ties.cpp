#include "merge/combiner.hpp"
#include "merge/strip_loops.hpp"

#include <vector>

namespace dare::merge {

template <class W>
void combine_ties(const Strip<W>& strip) {
  std::vector<TermFactors> factors;
  factors.reserve(strip.models.size());
  for (const auto& model : strip.models) {
    const auto& term = strip.term(model);
    factors.push_back({rescale_factor(strip.statistics, term, model.term), term.weight});
  }
  elect(strip, factors);
}

template void combine_ties<float>(const Strip<float>&);
template void combine_ties<double>(const Strip<double>&);

}  // namespace dare::merge
