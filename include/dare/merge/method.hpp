#pragma once
/// The one table of merge methods: a method is a sparsifier, a rescale and a combiner (semantics of each: tensor_merger.hpp).

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace dare::merge {

enum class Sparsifier : std::uint8_t { none, dare, magnitude, breadcrumbs, della };
enum class Rescale : std::uint8_t { none, expected, l1 };
enum class Combiner : std::uint8_t { task_arithmetic, ties, average, fisher, regmean, slerp, model_stock, sce, nearswap, karcher };
enum class Sign : std::uint8_t { weighted, unweighted };  ///< of ties: what elects the sign
enum class Scope : std::uint8_t { tensor, model };        ///< of magnitude: what the count of kept elements is taken over

enum class BaseUse : std::uint8_t { required, optional };    ///< whether a method needs a base model
enum class Auxiliary : std::uint8_t { none, fisher, gram };  ///< a second checkpoint beside each model

/// What a recipe can set besides the rate and the rescale, which every method with a sparsifier takes.
enum class Parameter : std::uint8_t {
  weight,
  lambda,
  normalize,
  sign,
  scope,
  gamma,
  epsilon,
  t,
  select_topk,
  max_iter,
  tol,
  filter_wise,
  alpha
};

constexpr std::uint32_t k_any_number = 0xFFFFFFFF;

struct Method {
  std::string_view name;  ///< merge_method of a recipe, --method
  Sparsifier sparsifier;
  Rescale rescale;  ///< the default
  Combiner combiner;
  bool normalize;            ///< the default
  std::string_view summary;  ///< one line for --help and the documentation
  BaseUse base = BaseUse::required;
  std::uint32_t least_models = 1;  ///< the base not counted
  std::uint32_t most_models = k_any_number;
  bool mergekit_normalize = false;  ///< the default under `compat: mergekit`
  bool mergekit_rescales = false;   ///< mergekit has it and, where it rescales, does so to the L1 norm
};

/// What the method's models bring besides their weights.
[[nodiscard]] constexpr Auxiliary auxiliary(const Method& method) noexcept {
  return method.combiner == Combiner::fisher ? Auxiliary::fisher : method.combiner == Combiner::regmean ? Auxiliary::gram : Auxiliary::none;
}

/// What have an auxiliary checkpoint, and its key in a recipe's models; empty for none.
inline constexpr std::array k_auxiliaries{Auxiliary::fisher, Auxiliary::gram};
[[nodiscard]] constexpr std::string_view key_of(Auxiliary auxiliary) noexcept {
  return auxiliary == Auxiliary::fisher ? "fisher" : auxiliary == Auxiliary::gram ? "gram" : "";
}

/// Whether models enter as they are, so that the base can be one of them; else their deltas do.
[[nodiscard]] bool averages_models(const Method& method) noexcept;
/// Whether the method draws a mask, so that seed and streams matter.
[[nodiscard]] bool draws(const Method& method) noexcept;

/// Whether the method's result depends on the parameter; a recipe that sets another one is refused.
[[nodiscard]] bool takes(const Method& method, Parameter parameter) noexcept;

[[nodiscard]] std::span<const Method> methods() noexcept;
[[nodiscard]] const Method* find_method(std::string_view name) noexcept;

/// A drop rate as given: p or the density 1 - p, whichever the user wrote being exact.
struct Rate {
  double drop = 0;
  double density = 1;
  bool density_given = false;

  [[nodiscard]] static Rate from_drop(double p) noexcept { return {p, 1 - p, false}; }
  [[nodiscard]] static Rate from_density(double d) noexcept { return {1 - d, d, true}; }
  /// What `expected` rescales by: 1/density if that was given, else 1/(1 - p); 1 where p = 1.
  [[nodiscard]] double expected_factor() const noexcept { return drop == 1 ? 1 : density_given ? 1 / density : 1 / (1 - drop); }
  /// How many of n elements a selection keeps: floor(n * density + 0.5) if the density was given, else n - floor(n * p + 0.5).
  [[nodiscard]] std::uint64_t kept_of(std::uint64_t n) const noexcept;
  friend bool operator==(const Rate&, const Rate&) = default;
};

}  // namespace dare::merge
