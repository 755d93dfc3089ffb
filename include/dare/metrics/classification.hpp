#pragma once
/// Accuracy, F1 and Matthews correlation from the counts of each class.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::metrics {

/// What all measures of a classification need; classes are 0 ... classes - 1.
struct ClassCounts {
  std::uint64_t examples = 0;
  std::vector<std::uint64_t> correct;    ///< predicted c where c is right
  std::vector<std::uint64_t> predicted;  ///< predicted c
  std::vector<std::uint64_t> actual;     ///< c is right
};

/// Counts all examples. @pre equal lengths; every label below `classes`
[[nodiscard]] ClassCounts count(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> actual, std::size_t classes);
/// Counts the examples at the positions of `sample`, repetitions included.
[[nodiscard]] ClassCounts count(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> actual, std::size_t classes,
                                std::span<const std::uint32_t> sample);

/// Correct over all; NaN without examples.
[[nodiscard]] double accuracy(const ClassCounts& counts);

/// 2 TP / (2 TP + FP + FN) of the class `positive`; 0 where that class is neither predicted nor right anywhere (as scikit-learn's
/// f1_score); NaN without examples.
[[nodiscard]] double f1(const ClassCounts& counts, std::size_t positive);

/// Mean of the F1 of every class that is predicted or right somewhere (average="macro"); NaN without examples.
[[nodiscard]] double macro_f1(const ClassCounts& counts);

/// Matthews correlation, for more than two classes as R_K (Gorodkin, 2004); 0 where all predictions, or all right labels, are one
/// class (as scikit-learn's matthews_corrcoef); NaN without examples.
[[nodiscard]] double matthews(const ClassCounts& counts);

}  // namespace dare::metrics
