#pragma once
/// Whether a model's deltas from a base are such as DARE can drop: figures, and what they mean.

#include "compare/delta.hpp"
#include "compare/pairs.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/comm/communicator.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dare::compare {

/// Of one tensor, or of all together.
struct DeltaFigures {
  DeltaSums sums;
  double row_squares = 0;  ///< sum over rows of (sum of delta)^2
  std::optional<std::array<double, 9>> deciles;

  [[nodiscard]] std::uint64_t finite() const noexcept { return sums.elements - sums.nonfinite; }
  [[nodiscard]] double mean_size() const noexcept;
  /// Whether a sum exceeds a float64: figures that need it are nothing.
  [[nodiscard]] bool overflows() const noexcept;
  [[nodiscard]] double share(std::uint64_t count) const noexcept;
  /// |delta|_2 / |B|_2; nothing where B is all zeros.
  [[nodiscard]] std::optional<double> relative_norm() const noexcept;
  /// Of F and B as vectors.
  [[nodiscard]] std::optional<double> cosine() const noexcept;
  /// The standard deviation that dropping at rate p adds to the output of a row whose inputs are all equal, over the root mean square of
  /// what delta itself adds there: sqrt(p / (1 - p)) |delta|_2 / sqrt(sum over rows of (sum of delta)^2).
  [[nodiscard]] std::optional<double> noise_to_signal(double p) const noexcept;
};

struct Fitness {
  std::vector<DeltaFigures> tensors;  ///< one a pair
  DeltaFigures overall;
  DeltaFigures matrices;  ///< of the tensors with two extents above 1 or more: other tensors of unrelated models may be alike
};

/// Reads both and measures. Collective; the same on all ranks, at any number of them. @throws comm::AgreedError
[[nodiscard]] Fitness measure_fitness(const checkpoint::Header& model, const checkpoint::Header& base, const std::vector<Pair>& pairs,
                                      std::optional<Dtype> rounded, const comm::Communicator& world);

/// Limits of the assessment; where they come from is in dare-inspect --help.
inline constexpr double k_usual_size = 0.002;        ///< mean |delta| of supervised fine-tuning is mostly below
inline constexpr double k_large_size = 0.005;        ///< ... and hardly above
inline constexpr double k_coarse_size = 0.01;        ///< half of all elements is the most to drop
inline constexpr double k_pretraining_size = 0.025;  ///< the paper: DARE fails around .03 and above
inline constexpr double k_unrelated_cosine = 0.5;    ///< of a base and a model that was trained from it: near 1
inline constexpr double k_still_share = 0.5;         ///< elements that did not move

enum class Verdict : std::uint8_t { fit, doubtful, unfit };
[[nodiscard]] std::string_view name(Verdict verdict) noexcept;

struct Assessment {
  Verdict verdict = Verdict::fit;
  std::vector<std::string> warnings;
  std::optional<double> drop_rate;  ///< to begin with
  std::string advice;               ///< one line
};

/// Whether two extents or more are above 1.
[[nodiscard]] bool is_matrix(const Shape& shape) noexcept;

/// Pure.
/// @param quantised  why the model's tensors are codes rather than weights, if they are
[[nodiscard]] Assessment assess(const Fitness& fitness, const Pairing& pairing, const std::optional<std::string>& quantised,
                                const checkpoint::Header& model, const checkpoint::Header& base);

}  // namespace dare::compare
