#pragma once
/// semantics.md 3 written out plainly, element by element, over whole tensors of float64: sparsifiers and what adds or averages.

#include "merge/family.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace dare::test::reference {

using namespace merge;
using Values = std::vector<double>;

// What a sparsifier left of one model: kept, and by what it is multiplied.
struct Left {
  std::vector<bool> kept;
  Values g;
};

inline double rank_rate(const ModelTerm& term, std::size_t j, std::size_t m) {
  const auto p = term.rate.drop;
  if (m == 1) return p;
  return std::clamp(p + term.epsilon / 2 - term.epsilon * static_cast<double>(j) / static_cast<double>(m - 1), 0.0, 1.0);
}

inline Left sparsified(const MergeTensor& tensor, std::size_t k) {
  const auto& settings = tensor.settings;
  const auto& term = settings.models[k];
  const auto delta = test::deltas(tensor, k);
  const auto n = delta.size();
  Left left{std::vector<bool>(n, true), Values(n, term.rescale == Rescale::expected ? term.rate.expected_factor() : 1)};
  const random::DropStream stream{settings.seed, term.stream, settings.name};
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  const auto larger = [&](auto a, auto b) { return std::abs(delta[a]) > std::abs(delta[b]); };
  const auto kept = term.rate.kept_of(n);
  switch (settings.sparsifier) {
    case Sparsifier::none:
      break;
    case Sparsifier::dare:
      for (std::size_t i = 0; i < n; ++i) left.kept[i] = !stream.dropped(i, random::drop_threshold(term.rate.drop));
      break;
    case Sparsifier::magnitude:
      std::stable_sort(order.begin(), order.end(), larger);
      for (std::size_t j = kept; j < n; ++j) left.kept[order[j]] = false;
      break;
    case Sparsifier::breadcrumbs: {
      std::stable_sort(order.begin(), order.end(), larger);  // no two are equal here
      const auto outliers = static_cast<std::size_t>(std::floor(term.gamma * static_cast<double>(n) + .5));
      for (std::size_t j = 0; j < n; ++j) left.kept[order[j]] = j >= outliers && j < outliers + kept;
      break;
    }
    case Sparsifier::della:
      for (std::size_t row = 0; row < n; row += settings.row) {
        const auto m = std::min<std::size_t>(settings.row, n - row);
        const auto begin = order.begin() + static_cast<std::ptrdiff_t>(row);
        std::stable_sort(begin, begin + static_cast<std::ptrdiff_t>(m), [&](auto a, auto b) { return larger(b, a); });
        for (std::size_t j = 0; j < m; ++j) {
          const auto p = rank_rate(term, j, m);
          const auto e = order[row + j];
          left.kept[e] = !stream.dropped(e, random::drop_threshold(p));
          if (term.rescale == Rescale::expected) left.g[e] = p == 1 ? 1 : 1 / (1 - p);
        }
      }
  }
  if (term.rescale == Rescale::l1) {
    double all = 0;
    double of_kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
      all += std::abs(delta[i]);
      if (left.kept[i]) of_kept += std::abs(delta[i]);
    }
    std::fill(left.g.begin(), left.g.end(), of_kept == 0 ? 1 : all / of_kept);
  }
  return left;
}

// All tensors here are float64, so its operations are the working type's.
struct Inputs {
  explicit Inputs(const MergeTensor& tensor) : base{test::decoded(Dtype::f64, tensor.base)} {
    for (std::size_t k = 0; k < tensor.models.size(); ++k) {
      tuned.push_back(test::decoded(Dtype::f64, tensor.models[k]));
      delta.push_back(test::deltas(tensor, k));
      left.push_back(sparsified(tensor, k));
      if (!tensor.auxiliary.empty()) fisher.push_back(test::decoded(Dtype::f64, tensor.auxiliary[k]));
    }
  }
  Values base;
  std::vector<Values> tuned, delta, fisher;
  std::vector<Left> left;
};

// Of elements [first, first + n) of a tensor: the sums of its aligned blocks, added up.
inline double dot(const Values& a, const Values& b, std::size_t first = 0) {
  double sum = 0;
  double of_block = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    of_block += a[i] * b[i];
    if ((first + i + 1) % 65536 == 0) sum += std::exchange(of_block, 0.0);
  }
  return sum + of_block;
}

inline Values task_arithmetic(const MergeTensor& tensor, const Inputs& in) {
  const auto& settings = tensor.settings;
  double n = 1;
  if (settings.normalize) {
    n = 0;
    for (const auto& term : settings.models) n += term.weight;
  }
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    double s = -0.0;
    for (std::size_t k = 0; k < in.delta.size(); ++k) {
      if (in.left[k].kept[i]) s += ((settings.lambda * settings.models[k].weight) * in.left[k].g[i]) / n * in.delta[k][i];
    }
    if (s != 0) result[i] += s;
  }
  return result;
}

inline Values ties(const MergeTensor& tensor, const Inputs& in) {
  const auto& settings = tensor.settings;
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    Values t(in.delta.size());
    double vote = 0;
    for (std::size_t k = 0; k < t.size(); ++k) {
      if (!in.left[k].kept[i]) continue;
      t[k] = (settings.models[k].weight * in.left[k].g[i]) * in.delta[k][i];
      vote += settings.sign == Sign::weighted ? t[k] : in.left[k].g[i] * in.delta[k][i];
    }
    double numerator = 0;
    double denominator = 0;
    for (std::size_t k = 0; k < t.size(); ++k) {
      if (t[k] == 0 || (t[k] > 0) != (vote >= 0)) continue;
      numerator += t[k];
      denominator += settings.models[k].weight;
    }
    const auto s = settings.lambda * (settings.normalize ? numerator / (denominator == 0 ? 1 : denominator) : numerator);
    if (s != 0) result[i] += s;
  }
  return result;
}

// Weights: of the models, times their Fisher weights where there are any.
inline Values average(const MergeTensor& tensor, const Inputs& in) {
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    double sum = 0;
    double weights = 0;
    bool moved = false;
    for (std::size_t k = 0; k < in.delta.size(); ++k) {
      auto x = in.tuned[k][i];
      if (tensor.settings.sparsifier != Sparsifier::none)
        x = in.left[k].kept[i] ? in.base[i] + in.left[k].g[i] * in.delta[k][i] : in.base[i];
      const auto w = in.fisher.empty() ? tensor.settings.models[k].weight : tensor.settings.models[k].weight * (in.fisher[k][i] + 1e-6);
      sum += w * x;
      weights += w;
      moved = moved || x != in.base[i];
    }
    if (moved) result[i] = sum / weights;
  }
  return result;
}

}  // namespace dare::test::reference
