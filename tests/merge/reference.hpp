#pragma once
/// semantics.md 3 written out plainly, element by element, over whole tensors in the working type W: sparsifiers and what adds or averages.

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
      // Of equal ones the lower indices stay: at the upper cut the higher ones go first, at the lower cut too.
      const auto outliers = std::min(static_cast<std::size_t>(std::floor(term.gamma * static_cast<double>(n) + .5)), n - kept);
      std::reverse(order.begin(), order.end());
      std::stable_sort(order.begin(), order.end(), larger);
      for (std::size_t j = 0; j < outliers; ++j) left.kept[order[j]] = false;
      std::sort(order.begin() + static_cast<std::ptrdiff_t>(outliers), order.end());
      std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(outliers), order.end(), larger);
      for (std::size_t j = outliers + kept; j < n; ++j) left.kept[order[j]] = false;
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

/// All in the working type, but for Fisher weights and Gram matrices.
template <class W>
struct Inputs {
  explicit Inputs(const MergeTensor& tensor) : base{narrowed(test::decoded(tensor.settings.base_dtype, tensor.base))} {
    for (std::size_t k = 0; k < tensor.models.size(); ++k) {
      tuned.push_back(narrowed(test::decoded(tensor.settings.models[k].dtype, tensor.models[k])));
      delta.push_back(narrowed(test::deltas(tensor, k)));
      left.push_back(sparsified(tensor, k));
      if (!tensor.auxiliary.empty()) weights.push_back(test::decoded(Dtype::f64, tensor.auxiliary[k]));
    }
  }
  static std::vector<W> narrowed(const Values& values) { return {values.begin(), values.end()}; }

  std::vector<W> base;
  std::vector<std::vector<W>> tuned, delta;
  std::vector<Values> weights;
  std::vector<Left> left;
};

// Of elements [first, first + n) of a tensor: the sums of its aligned blocks, added up.
template <class W>
double dot(const std::vector<W>& a, const std::vector<W>& b, std::size_t first = 0) {
  double sum = 0;
  double of_block = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    of_block += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    if ((first + i + 1) % 65536 == 0) sum += std::exchange(of_block, 0.0);
  }
  return sum + of_block;
}

template <class W>
std::vector<W> task_arithmetic(const MergeTensor& tensor, const Inputs<W>& in) {
  const auto& settings = tensor.settings;
  double n = 1;
  if (settings.normalize) {
    n = 0;
    for (const auto& term : settings.models) n += term.weight;
  }
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    W s = W{-0.0};
    for (std::size_t k = 0; k < in.delta.size(); ++k) {
      if (in.left[k].kept[i])
        s = s + static_cast<W>(((settings.lambda * settings.models[k].weight) * in.left[k].g[i]) / n) * in.delta[k][i];
    }
    if (s != 0) result[i] = result[i] + s;
  }
  return result;
}

template <class W>
std::vector<W> ties(const MergeTensor& tensor, const Inputs<W>& in) {
  const auto& settings = tensor.settings;
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::vector<W> t(in.delta.size());
    W vote = 0;
    for (std::size_t k = 0; k < t.size(); ++k) {
      if (!in.left[k].kept[i]) continue;
      t[k] = static_cast<W>(settings.models[k].weight * in.left[k].g[i]) * in.delta[k][i];
      vote = vote + (settings.sign == Sign::weighted ? t[k] : static_cast<W>(in.left[k].g[i]) * in.delta[k][i]);
    }
    W numerator = 0;
    W denominator = 0;
    for (std::size_t k = 0; k < t.size(); ++k) {
      if (t[k] == 0 || (t[k] > 0) != (vote >= 0)) continue;
      numerator = numerator + t[k];
      denominator = denominator + static_cast<W>(settings.models[k].weight);
    }
    const W mean = settings.normalize ? numerator / (denominator == 0 ? W{1} : denominator) : numerator;
    const W s = static_cast<W>(settings.lambda) * mean;
    if (s != 0) result[i] = result[i] + s;
  }
  return result;
}

// What an average takes of model k.
template <class W>
W averaged(const MergeTensor& tensor, const Inputs<W>& in, std::size_t k, std::size_t i) {
  if (tensor.settings.sparsifier == Sparsifier::none) return in.tuned[k][i];
  return in.left[k].kept[i] ? in.base[i] + static_cast<W>(in.left[k].g[i]) * in.delta[k][i] : in.base[i];
}

// By the models' weights, or by these times their Fisher weights where there are any.
template <class W>
std::vector<W> average(const MergeTensor& tensor, const Inputs<W>& in) {
  double of_models = 0;
  for (const auto& term : tensor.settings.models) of_models += term.weight;
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    W sum = 0;
    W of_fisher = 0;
    bool moved = false;
    for (std::size_t k = 0; k < in.delta.size(); ++k) {
      const auto x = averaged(tensor, in, k, i);
      const auto weight = tensor.settings.models[k].weight;
      const auto w = static_cast<W>(in.weights.empty() ? weight : weight * (in.weights[k][i] + 1e-6));
      sum = sum + w * x;
      of_fisher = of_fisher + w;
      moved = moved || x != in.base[i];
    }
    if (moved) result[i] = sum / (in.weights.empty() ? static_cast<W>(of_models) : of_fisher);
  }
  return result;
}

}  // namespace dare::test::reference
