#pragma once
/// What a combiner computes on the way to one element, number by number.

#include "merge/explain.hpp"
#include "merge/strip.hpp"

namespace dare::merge {

/// Adds the combiner's facts to `explanation`, whose models' parts are known already.
/// @param strip  of one element, sparsified; deltas not yet touched by the combiner
template <class W>
void explain_combiner(const Strip<W>& strip, Explanation& explanation);

}  // namespace dare::merge
