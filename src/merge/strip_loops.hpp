#pragma once
/// Loops over the elements of a strip without a branch an element, which compilers make vectors of; compiled once per instruction set.

#include "merge/partial_sums.hpp"
#include "merge/strip.hpp"

#include <cstdint>
#include <span>

namespace dare::merge {

/// What a strip's factors make of a model's deltas where the sparsifier gives none per element.
struct TermFactors {
  double expected = 1;  ///< g, which own factors replace
  double weight = 1;
};

/// Elects a sign per element and merges what agrees with it (ties). Sets result and effect; deltas become the weighed ones.
/// @param factors  by model of the strip
void elect(const Strip<float>& strip, std::span<const TermFactors> factors);
void elect(const Strip<double>& strip, std::span<const TermFactors> factors);

/// What a sum takes of a model: `coefficient` times the delta, or where every element has a factor of its own (weight factor) / divisor.
struct SumFactors {
  double coefficient = 1;
  double weight = 1;
  double divisor = 1;
};
/// Adds what is kept of a model. A sum of nothing is -0. @pre something is kept
void add_to_sum(const Strip<float>& strip, const ModelStrip<float>& model, const SumFactors& factors, std::span<float> sum);
void add_to_sum(const Strip<double>& strip, const ModelStrip<double>& model, const SumFactors& factors, std::span<double> sum);
/// Sets result to base + sum, and effect.
void finish_sum(const Strip<float>& strip, std::span<const float> sum);
void finish_sum(const Strip<double>& strip, std::span<const double> sum);

/// What the sparsifier leaves of a model.
struct KeptPart {
  std::uint64_t count = 0;
  PartialSums whole;  ///< of the deltas' squares
  PartialSums kept;   ///< of those that are kept
  PartialSums error;  ///< of (d' - d)^2, where every element has a factor of its own
};
[[nodiscard]] KeptPart kept_part(const Strip<float>& strip, const ModelStrip<float>& model);
[[nodiscard]] KeptPart kept_part(const Strip<double>& strip, const ModelStrip<double>& model);

/// Elements where kept deltas of two models have different signs.
[[nodiscard]] std::uint64_t count_conflicts(const Strip<float>& strip);
[[nodiscard]] std::uint64_t count_conflicts(const Strip<double>& strip);

/// The changes that a combiner has made to every element, in the working type. @param to  strip.size of them
void changes(const Strip<float>& strip, std::span<double> to);
void changes(const Strip<double>& strip, std::span<double> to);

/// How the merged change compares with the undropped one.
struct ChangeSums {
  PartialSums product, merged, undropped;
};
[[nodiscard]] ChangeSums change_sums(const Strip<float>& strip, std::span<const double> undropped);
[[nodiscard]] ChangeSums change_sums(const Strip<double>& strip, std::span<const double> undropped);

}  // namespace dare::merge
