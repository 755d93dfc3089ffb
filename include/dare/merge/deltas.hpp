#pragma once
/// Whether a model differs from the base at all.

#include <dare/merge/run.hpp>
#include <dare/merge/settings.hpp>

#include <cstddef>

namespace dare::merge {

/// Whether a delta of one model within run.wanted is not 0 (nan is not 0), before anything is dropped: what decides it is F - B in the
/// working type, so numbers of two types can be equal, and elements of equal bits are. Looks no further than the first. Local.
/// @param term  position in settings.models.
/// @pre settings.has_base
[[nodiscard]] bool has_delta(const TensorSettings& settings, const Run& run, std::size_t term);

/// The same of those elements alone that DARE keeps: all that is known of a delta checkpoint.
/// @pre the sparsifier is dare, without compat
[[nodiscard]] bool has_kept_delta(const TensorSettings& settings, const Run& run, std::size_t term);

}  // namespace dare::merge
