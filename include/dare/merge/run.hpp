#pragma once
/// What goes into a merge and what it tells about it.

#include <dare/merge/settings.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace dare::merge {

/// The inputs' bytes for one run of a tensor's elements, as stored, little-endian, any alignment.
struct Run {
  Extent wanted;                                       ///< what is to be merged
  Extent read;                                         ///< what the bytes hold: extent_needed(settings, wanted)
  std::span<const std::byte> base;                     ///< clipped(read, settings.base_elements), in base_dtype; empty without a base
  std::span<const std::span<const std::byte>> models;  ///< one a term: clipped(read, term.elements), in term.dtype, or W for a delta
  /// One a term, or none: Fisher weights like the models' bytes, in term.auxiliary; for regmean the whole Gram matrix of row x row.
  std::span<const std::span<const std::byte>> auxiliary;
};

/// What a run of elements showed that the recipe calls an error.
struct Finding {
  enum class Kind : std::uint8_t {
    nonfinite_input,
    overflow,
    singular,  ///< regmean: the sum of the Gram matrices has no inverse; `value` is its smallest pivot
  };
  Kind kind = Kind::nonfinite_input;
  std::uint64_t index = 0;  ///< flat index in the tensor (auxiliary Gram matrices: in the matrix)
  int model = -1;           ///< position in TensorSettings::models; -1: the base, or (overflow, singular) the result
  double value = 0;         ///< what was found
  bool auxiliary = false;   ///< it is in the model's Fisher weights or Gram matrix
};

/// Counts of what happened, for the summary. Sums over runs in any order are the same.
struct Counts {
  std::uint64_t merged = 0;     ///< elements that a method touched
  std::uint64_t swallowed = 0;  ///< of these: a change that rounding to the output type lost (result == the base's value)
  /// Elements of the output, copied ones among them, that are no finite number; counted where settings.nonfinite is `keep`, by whoever
  /// stores them (count_nonfinite), not by mergers.
  std::uint64_t nonfinite = 0;

  Counts& operator+=(const Counts& more) noexcept {
    merged += more.merged;
    swallowed += more.swallowed;
    nonfinite += more.nonfinite;
    return *this;
  }
  /// @pre each count of `less` is one of these at most
  Counts& operator-=(const Counts& less) noexcept {
    merged -= less.merged;
    swallowed -= less.swallowed;
    nonfinite -= less.nonfinite;
    return *this;
  }
};

}  // namespace dare::merge
