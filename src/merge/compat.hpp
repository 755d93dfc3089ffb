#pragma once
/// Where mergekit counts otherwise than semantics.md.

#include <dare/merge/settings.hpp>

#include <cstdint>

namespace dare::merge {

/// How many of n elements a selection by magnitude keeps.
[[nodiscard]] std::uint64_t kept_count(const TensorSettings& settings, const ModelTerm& term, std::uint64_t n) noexcept;
/// How many of the largest breadcrumbs drops before it keeps the next `kept`.
[[nodiscard]] std::uint64_t outlier_count(const TensorSettings& settings, const ModelTerm& term, std::uint64_t n,
                                          std::uint64_t kept) noexcept;
/// Rate of rank j of m in a row.
[[nodiscard]] double della_rate(Compat compat, const ModelTerm& term, std::uint64_t j, std::uint64_t m) noexcept;
/// Factor of rescale l1 from the sums.
[[nodiscard]] double l1_factor(Compat compat, double all, double kept) noexcept;
/// Sum of the weights that `normalize` divides by.
[[nodiscard]] double divisor(Compat compat, double sum) noexcept;

}  // namespace dare::merge
