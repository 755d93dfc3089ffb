#pragma once
/// All that the bytes of one merged tensor depend on, besides its inputs' bytes.

#include <dare/core/dtype.hpp>
#include <dare/merge/method.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
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

inline constexpr std::uint64_t k_all_elements = std::numeric_limits<std::uint64_t>::max();

/// How one model's delta enters one tensor.
struct ModelTerm {
  std::uint32_t model = 0;   ///< position in the recipe: `scope: model` selects over all tensors of it
  Dtype dtype = Dtype::f32;  ///< of the model's tensor; it decides on the working type also where the source is a delta
  double weight = 1;
  Rate rate;
  Rescale rescale = Rescale::none;
  std::uint64_t stream = 0;
  double gamma = 0;    ///< breadcrumbs: share of the largest that is dropped
  double epsilon = 0;  ///< della: width of the rates around p (compat mergekit: half of it, as there)
  Source source = Source::tuned;
  Dtype auxiliary = Dtype::f32;  ///< fisher, regmean: type of the model's Fisher weights or Gram matrix
  /// Leading elements of the tensor that the model has; beyond them it is absent (rows that it lacks): sums and N are over the others.
  std::uint64_t elements = k_all_elements;
  std::uint64_t first_draw = 0;  ///< compat mergelm: draws of the one MT19937 stream before this model's tensor
  bool operator==(const ModelTerm&) const = default;
};

/// Plain value.
struct TensorSettings {
  std::string name;  ///< the base's: it enters the draws
  Dtype base_dtype = Dtype::f32;
  Dtype out_dtype = Dtype::f32;
  std::uint64_t elements = 0;                    ///< of the whole tensor: counts of kept elements are taken of it
  std::uint64_t row = 1;                         ///< elements of a row: the last extent, 1 for a scalar
  std::uint64_t base_elements = k_all_elements;  ///< leading elements that the base has; beyond them (rows that models add) it is 0
  bool has_base = true;                          ///< false: the method knows no base (linear of models alone)
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

/// A run of a tensor's elements.
struct Extent {
  std::uint64_t first = 0;
  std::uint64_t elements = 0;
  [[nodiscard]] std::uint64_t end() const noexcept { return first + elements; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// The part of an extent that an input has which holds the tensor's leading `held` elements.
[[nodiscard]] Extent clipped(Extent extent, std::uint64_t held) noexcept;

/// Whether a base's or model's tensor of that type is worked on in float64; float32 where neither's is.
[[nodiscard]] inline bool works_in_float64(Dtype dtype) noexcept {
  return info(dtype).bits > 16;
}
/// Whether the tensor is worked on in float64; float32 otherwise.
[[nodiscard]] bool works_in_float64(const TensorSettings& settings) noexcept;

/// Whether merging an element takes its whole row of every input (della; model_stock with filter_wise).
[[nodiscard]] bool needs_rows(const TensorSettings& settings) noexcept;
/// Whether merging an element takes the whole tensor of every input (regmean).
[[nodiscard]] bool needs_whole_tensor(const TensorSettings& settings) noexcept;
/// What must be read of every input to merge `wanted`: itself, the rows or the tensor that it lies in.
[[nodiscard]] Extent extent_needed(const TensorSettings& settings, Extent wanted) noexcept;

/// Times that the inputs are read before they are merged: the rounds of a Survey that want tiles. One more only where very many elements
/// nearly tie at a cut.
[[nodiscard]] unsigned statistics_passes(const TensorSettings& settings) noexcept;

/// Whether what DARE keeps of every delta is enough to merge: a delta checkpoint of the same mask then stands for its model.
[[nodiscard]] bool needs_only_kept(const TensorSettings& settings) noexcept;
/// The methods of which that is so, for advice.
inline constexpr std::string_view k_methods_of_kept = "dare_linear, dare_ties or another method of DARE without l1";

/// Bytes that merging needs beyond buffers for the inputs and the output: ranks within a row for della; for regmean, with d columns and r
/// rows, 8 (2 d^2 + 2 d r): the sum of the Gram matrices, one of them, one model's values and the result.
[[nodiscard]] std::uint64_t working_memory(const TensorSettings& settings) noexcept;

}  // namespace dare::merge
