#pragma once
/// Whether a model differs from the base at all.

#include <dare/merge/run.hpp>
#include <dare/merge/settings.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace dare::merge {

/// Whether a delta of one model within run.wanted is not 0 (nan is not 0), before anything is dropped: what decides it is F - B in the
/// working type, so numbers of two types can be equal, and elements of equal bits are. Looks no further than the first. Local.
/// @param term  position in settings.models.
/// @pre settings.has_base
[[nodiscard]] bool has_delta(const TensorSettings& settings, const Run& run, std::size_t term);

/// How alike a model and its base are in some elements: a model that was trained from the base is nearly it.
struct Likeness {
  std::uint64_t elements = 0;
  double base_squares = 0;
  double model_squares = 0;
  double products = 0;
  void add(const Likeness& other) noexcept;
  /// Of the two as vectors; nothing where one is all zeros.
  [[nodiscard]] std::optional<double> cosine() const noexcept;
};

/// In the first elements of run.wanted, 2048 at most; of none where any is not finite. Local.
/// @param term  position in settings.models; its source is no delta.
/// @pre settings.has_base
[[nodiscard]] Likeness likeness(const TensorSettings& settings, const Run& run, std::size_t term);

/// The same as has_delta() of those elements alone that DARE keeps: all that is known of a delta checkpoint.
/// @pre the sparsifier is dare, without compat
[[nodiscard]] bool has_kept_delta(const TensorSettings& settings, const Run& run, std::size_t term);

}  // namespace dare::merge
