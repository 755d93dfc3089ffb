#include <dare/metrics/classification.hpp>

#include "metrics/undefined.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace dare::metrics {
namespace {

ClassCounts none(std::size_t classes) {
  return {0, std::vector<std::uint64_t>(classes), std::vector<std::uint64_t>(classes), std::vector<std::uint64_t>(classes)};
}

void add(ClassCounts& counts, std::uint32_t predicted, std::uint32_t actual) {
  ++counts.examples;
  ++counts.predicted[predicted];
  ++counts.actual[actual];
  counts.correct[actual] += predicted == actual ? 1U : 0U;
}

double total_correct(const ClassCounts& counts) {
  return static_cast<double>(std::accumulate(counts.correct.begin(), counts.correct.end(), std::uint64_t{0}));
}

double dot(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

ClassCounts count(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> actual, std::size_t classes) {
  assert(predicted.size() == actual.size());
  auto counts = none(classes);
  for (std::size_t i = 0; i < actual.size(); ++i) add(counts, predicted[i], actual[i]);
  return counts;
}

ClassCounts count(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> actual, std::size_t classes,
                  std::span<const std::uint32_t> sample) {
  assert(predicted.size() == actual.size());
  auto counts = none(classes);
  for (const auto i : sample) add(counts, predicted[i], actual[i]);
  return counts;
}

double accuracy(const ClassCounts& counts) {
  return counts.examples == 0 ? k_undefined : total_correct(counts) / static_cast<double>(counts.examples);
}

double f1(const ClassCounts& counts, std::size_t positive) {
  if (counts.examples == 0) return k_undefined;
  const auto marked = counts.predicted[positive] + counts.actual[positive];
  return marked == 0 ? 0.0 : 2.0 * static_cast<double>(counts.correct[positive]) / static_cast<double>(marked);
}

double macro_f1(const ClassCounts& counts) {
  double sum = 0;
  std::size_t present = 0;
  for (std::size_t c = 0; c < counts.actual.size(); ++c) {
    if (counts.predicted[c] + counts.actual[c] == 0) continue;
    sum += f1(counts, c);
    ++present;
  }
  return present == 0 ? k_undefined : sum / static_cast<double>(present);
}

double matthews(const ClassCounts& counts) {
  if (counts.examples == 0) return k_undefined;
  // All sums are whole numbers; below 9e7 examples they are exact.
  const auto n = static_cast<double>(counts.examples);
  const auto covariance = total_correct(counts) * n - dot(counts.predicted, counts.actual);
  const auto of_predicted = n * n - dot(counts.predicted, counts.predicted);
  const auto of_actual = n * n - dot(counts.actual, counts.actual);
  if (of_predicted == 0 || of_actual == 0) return 0.0;
  // Equal margins, as of perfect predictions: no root, which would round 1 to its neighbours.
  const auto norm = of_predicted == of_actual ? of_actual : std::sqrt(of_predicted * of_actual);
  return std::clamp(covariance / norm, -1.0, 1.0);
}

}  // namespace dare::metrics
