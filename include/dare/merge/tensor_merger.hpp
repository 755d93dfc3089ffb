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
enum class Rounding : std::uint8_t { nearest, stochastic };
enum class Compat : std::uint8_t { none, mergelm, mergekit };

/// What the bytes handed to merge() for a model are.
enum class Source : std::uint8_t {
  tuned,  ///< F_k, in ModelTerm::dtype
  delta,  ///< delta_k, in the working type: a LoRA adapter's product, or a delta checkpoint (whose dropped elements are 0)
};

/// How one model's delta enters one tensor.
struct ModelTerm {
  Dtype dtype = Dtype::f32;  ///< of the model's tensor; it decides on the working type also where the source is a delta
  double weight = 1;
  Rate rate;
  Rescale rescale = Rescale::none;
  std::uint64_t stream = 0;
  double gamma = 0;    ///< breadcrumbs: share of the largest that is dropped
  double epsilon = 0;  ///< della: width of the rates around p
  Source source = Source::tuned;
  /// Leading elements of the tensor that the model has; beyond them it is absent (rows that it lacks): sums and N are over the others.
  std::uint64_t elements = 0;
  std::uint64_t first_draw = 0;  ///< compat mergelm: draws of the one MT19937 stream before this model's tensor
  bool operator==(const ModelTerm&) const = default;
};

/// All that the bytes of one merged tensor depend on, besides its inputs' bytes. Plain value.
struct TensorSettings {
  std::string name;  ///< the base's: it enters the draws
  Dtype base_dtype = Dtype::f32;
  Dtype out_dtype = Dtype::f32;
  std::uint64_t elements = 0;       ///< of the whole tensor: counts of kept elements are taken of it
  std::uint64_t row = 1;            ///< elements of a row: the last extent, 1 for a scalar
  std::uint64_t base_elements = 0;  ///< leading elements that the base has; beyond them (rows that models add) it is 0
  bool has_base = true;             ///< false: the method knows no base (linear of models alone)
  Sparsifier sparsifier = Sparsifier::none;
  Combiner combiner = Combiner::task_arithmetic;
  std::vector<ModelTerm> models;
  double lambda = 1;
  bool normalize = false;
  Sign sign = Sign::weighted;
  Scope scope = Scope::tensor;
  std::uint64_t seed = 0;
  Nonfinite nonfinite = Nonfinite::error;
  Overflow overflow = Overflow::error;
  Rounding rounding = Rounding::nearest;
  Compat compat = Compat::none;
  double t = 0.5;            ///< slerp, nearswap
  double select_topk = 1;    ///< sce
  int max_iterations = 10;   ///< karcher
  double tolerance = 1e-5;   ///< karcher
  bool filter_wise = false;  ///< model_stock: a weight per row instead of per tensor
  double alpha = 1;          ///< regmean: factor of the Gram matrices' off-diagonals

  template <class A>
  void archive(A& a) {
    a(name, base_dtype, out_dtype, elements, row, base_elements, has_base, sparsifier, combiner, models, lambda, normalize, sign, scope,
      seed, nonfinite, overflow, rounding, compat, t, select_topk, max_iterations, tolerance, filter_wise, alpha);
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
  struct ScratchDeleter {
    void operator()(Scratch*) const noexcept;
  };
  using ScratchPtr = std::unique_ptr<Scratch, ScratchDeleter>;
  [[nodiscard]] static ScratchPtr make_scratch();

  explicit TensorMerger(TensorSettings settings);

  [[nodiscard]] const TensorSettings& settings() const noexcept { return settings_; }

  /// From now on without vector kernels: the same bytes from the plain loops, which define them.
  void use_plain() noexcept { plain_only_ = true; }

  /// Merges elements [first, first + n): n is what `base` holds.
  /// @param base    n elements of base_dtype, little-endian, any alignment.
  /// @param models  one span of n elements for each term, of the term's dtype.
  /// @param out     n elements of out_dtype; may not overlap an input. Unspecified after a finding.
  /// @return the lowest (index, model) that the settings call an error, or nothing.
  [[nodiscard]] std::optional<Finding> merge(std::uint64_t first, std::span<const std::byte> base,
                                             std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts,
                                             Scratch& scratch) const;

 private:
  template <class W>
  std::optional<Finding> merge_in(std::uint64_t first, std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                                  std::span<std::byte> out, Counts& counts, Scratch& scratch) const;
  std::optional<Finding> merge_plain(std::uint64_t first, std::span<const std::byte> base,
                                     std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts,
                                     Scratch& scratch) const;
  TensorSettings settings_;
  bool plain_only_ = false;
};

/// Converts n elements between floating types: exact widening, or one rounding half to even.
/// @return the lowest index whose finite value does not fit `to` (infinity into F8_E4M3 counts), or nothing.
[[nodiscard]] std::optional<std::uint64_t> convert(Dtype from, std::span<const std::byte> in, Dtype to, std::span<std::byte> out,
                                                   Overflow overflow);

}  // namespace dare::merge
