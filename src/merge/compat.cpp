#include "merge/compat.hpp"

#include <algorithm>
#include <cmath>

namespace dare::merge {
namespace {

std::uint64_t whole(double share, std::uint64_t n) {
  return static_cast<std::uint64_t>(std::floor(static_cast<double>(n) * share));
}

}  // namespace

std::uint64_t kept_count(const TensorSettings& settings, const ModelTerm& term, std::uint64_t n) noexcept {
  if (settings.compat != Compat::mergekit) return std::min(n, term.rate.kept_of(n));
  if (term.rate.density >= 1) return n;
  if (term.rate.density <= 0 || n == 0) return 0;
  const auto least = settings.sparsifier == Sparsifier::magnitude ? std::uint64_t{1} : 0;
  return std::max(least, whole(term.rate.density, n));
}

std::uint64_t outlier_count(const TensorSettings& settings, const ModelTerm& term, std::uint64_t n, std::uint64_t kept) noexcept {
  if (settings.sparsifier != Sparsifier::breadcrumbs) return 0;
  const auto largest = settings.compat == Compat::mergekit
                           ? whole(term.gamma, n)
                           : static_cast<std::uint64_t>(std::floor(term.gamma * static_cast<double>(n) + 0.5));
  return std::min(largest, n - kept);  // the count of kept elements comes first
}

double della_rate(Compat compat, const ModelTerm& term, std::uint64_t j, std::uint64_t m) noexcept {
  if (compat == Compat::mergekit && term.rate.density >= 1) return 0;
  if (compat == Compat::mergekit && term.rate.density <= 0) return 1;
  if (m == 1) return term.rate.drop;
  const auto rank = static_cast<double>(j);
  const auto last = static_cast<double>(m - 1);
  const auto width = compat == Compat::mergekit ? 2 * term.epsilon : term.epsilon;
  return std::clamp(term.rate.drop + width / 2 - width * rank / last, 0.0, 1.0);
}

double l1_factor(Compat compat, double all, double kept) noexcept {
  if (compat == Compat::mergekit && (all < 1e-7 || kept < 1e-7)) return 1;
  return kept == 0 ? 1 : all / kept;
}

double divisor(Compat compat, double sum) noexcept {
  return compat == Compat::mergekit && std::abs(sum) < 1e-8 ? 1 : sum;
}

}  // namespace dare::merge
