#pragma once
/// The arithmetic of one tensor, applied to any run of its elements: pure functions of bytes.

#include <dare/core/dtype.hpp>
#include <dare/merge/method.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dare::merge {

enum class Nonfinite : std::uint8_t { error, keep };
enum class Overflow : std::uint8_t { error, saturate };

/// How one model's delta enters one tensor.
struct ModelTerm {
  Dtype dtype = Dtype::f32;
  double weight = 1;
  Rate rate;
  Rescale rescale = Rescale::none;
  std::uint64_t stream = 0;
};

/// All that the bytes of one merged tensor depend on, besides its inputs' bytes. Plain value.
struct TensorSettings {
  std::string name;  ///< the base's: it enters the draws
  Dtype base_dtype = Dtype::f32;
  Dtype out_dtype = Dtype::f32;
  Sparsifier sparsifier = Sparsifier::none;
  Combiner combiner = Combiner::task_arithmetic;
  std::vector<ModelTerm> models;
  double lambda = 1;
  bool normalize = false;
  std::uint64_t seed = 0;
  Nonfinite nonfinite = Nonfinite::error;
  Overflow overflow = Overflow::error;

  template <class A>
  void archive(A& a) {
    a(name, base_dtype, out_dtype, sparsifier, combiner, models, lambda, normalize, seed, nonfinite, overflow);
  }
};

/// What a run of elements showed that the recipe calls an error.
struct Finding {
  enum class Kind : std::uint8_t { nonfinite_input, overflow };
  Kind kind = Kind::nonfinite_input;
  std::uint64_t index = 0;  ///< flat index in the tensor
  int model = -1;           ///< position in TensorSettings::models; -1: the base, or (overflow) the result
  double value = 0;         ///< what was found
};

/// Counts of what happened, for the summary. Sums over runs in any order are the same.
struct Counts {
  std::uint64_t merged = 0;     ///< elements that a method touched
  std::uint64_t swallowed = 0;  ///< of these: a sum other than 0 that rounding to the output type lost (result == the base's value)
};

/// Merges one tensor run by run. Const members are Local and may be called from any thread with scratch of its own.
class TensorMerger {
 public:
  /// Working memory of a caller; reused between calls.
  struct Scratch;
  struct ScratchDeleter { void operator()(Scratch*) const noexcept; };
  using ScratchPtr = std::unique_ptr<Scratch, ScratchDeleter>;
  [[nodiscard]] static ScratchPtr make_scratch();

  explicit TensorMerger(TensorSettings settings);

  [[nodiscard]] const TensorSettings& settings() const noexcept { return settings_; }

  /// Merges elements [first, first + n): n is what `base` holds.
  /// @param base    n elements of base_dtype, little-endian, any alignment.
  /// @param models  one span of n elements for each term, of the term's dtype.
  /// @param out     n elements of out_dtype; may not overlap an input. Unspecified after a finding.
  /// @return the lowest (index, model) that the settings call an error, or nothing.
  [[nodiscard]] std::optional<Finding> merge(std::uint64_t first, std::span<const std::byte> base,
                                             std::span<const std::span<const std::byte>> models, std::span<std::byte> out,
                                             Counts& counts, Scratch& scratch) const;

 private:
  template <class W>
  std::optional<Finding> merge_in(std::uint64_t first, std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                                  std::span<std::byte> out, Counts& counts, Scratch& scratch) const;
  TensorSettings settings_;
};

/// Converts n elements between floating types: exact widening, or one rounding half to even.
/// @return the lowest index whose finite value does not fit `to` (infinity into F8_E4M3 counts), or nothing.
[[nodiscard]] std::optional<std::uint64_t> convert(Dtype from, std::span<const std::byte> in, Dtype to, std::span<std::byte> out,
                                                   Overflow overflow);

}  // namespace dare::merge
