#pragma once
/// The methods that mergekit defines, and regmean, written out plainly over whole tensors in the working type W.

#include "merge/reference.hpp"

namespace dare::test::reference {

template <class W>
std::vector<W> slerp(const MergeTensor& tensor, const Inputs<W>& in) {
  const auto t = tensor.settings.t;
  const auto cosine =
      std::clamp(dot(in.base, in.tuned[0]) / (std::sqrt(dot(in.base, in.base)) * std::sqrt(dot(in.tuned[0], in.tuned[0]))), -1.0, 1.0);
  auto a = 1 - t;
  auto b = t;
  if (std::abs(cosine) <= .9995) {
    const auto theta = std::acos(cosine);
    a = std::sin((1 - t) * theta) / std::sin(theta);
    b = std::sin(t * theta) / std::sin(theta);
  }
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<W>(a) * in.base[i] + static_cast<W>(b) * in.tuned[0][i];
  return result;
}

// Rows of `row` elements each for themselves.
template <class W>
std::vector<W> model_stock(const MergeTensor& tensor, const Inputs<W>& in, std::size_t row) {
  const auto count = in.delta.size();
  auto result = in.base;
  for (std::size_t first = 0; first < result.size(); first += row) {
    const auto end = std::min(first + row, result.size());
    const auto part = [&](const std::vector<W>& x) {
      return std::vector<W>(x.begin() + static_cast<std::ptrdiff_t>(first), x.begin() + static_cast<std::ptrdiff_t>(end));
    };
    double cosines = 0;
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = a + 1; b < count; ++b) {
        const auto x = part(in.delta[a]);
        const auto y = part(in.delta[b]);
        cosines += std::clamp(dot(x, y, first) / std::max(std::sqrt(dot(x, x, first)) * std::sqrt(dot(y, y, first)), 1e-6), -1.0, 1.0);
      }
    }
    const auto cosine = cosines / static_cast<double>(count * (count - 1) / 2);
    const auto n = static_cast<double>(count);
    const auto t = n * cosine / (1 + (n - 1) * cosine);
    for (auto i = first; i < end; ++i) {
      W sum = 0;
      for (const auto& f : in.tuned) sum = sum + f[i];
      result[i] = static_cast<W>(t) * (sum / static_cast<W>(n)) + static_cast<W>(1 - t) * in.base[i];
    }
  }
  (void)tensor;
  return result;
}

template <class W>
std::vector<W> sce(const MergeTensor& tensor, const Inputs<W>& in) {
  const auto count = in.delta.size();
  const auto n = in.base.size();
  std::vector<W> variance(n);
  for (std::size_t i = 0; i < n; ++i) {
    double mean = 0;
    for (const auto& d : in.delta) mean += static_cast<double>(d[i]);
    mean /= static_cast<double>(count);
    double squares = 0;
    for (const auto& d : in.delta) squares += (static_cast<double>(d[i]) - mean) * (static_cast<double>(d[i]) - mean);
    variance[i] = static_cast<W>(squares / static_cast<double>(count));
  }
  // One model alone is taken whole: its variance is 0 everywhere.
  std::vector<bool> selected(n, tensor.settings.select_topk >= 1 || (count == 1 && tensor.settings.select_topk > 0));
  if (tensor.settings.select_topk < 1) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return variance[a] > variance[b]; });
    const auto nonzero = static_cast<double>(std::count_if(variance.begin(), variance.end(), [](W v) { return v != 0; }));
    for (std::size_t j = 0; j < static_cast<std::size_t>(nonzero * tensor.settings.select_topk); ++j) selected[order[j]] = true;
  }
  Values weights(count);
  double total = 0;
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t i = 0; i < n; ++i)
      weights[k] += selected[i] ? static_cast<double>(in.delta[k][i]) * static_cast<double>(in.delta[k][i]) : 0;
    weights[k] /= static_cast<double>(n);
    total += weights[k];
  }
  for (auto& w : weights) w = total < 1e-6 ? 1 / static_cast<double>(count) : w / total;
  auto result = in.base;
  for (std::size_t i = 0; i < n; ++i) {
    if (!selected[i]) continue;
    W vote = 0;
    for (const auto& d : in.delta) vote = vote + d[i];
    W sum = 0;
    W of = 0;
    for (std::size_t k = 0; k < count; ++k) {
      if (in.delta[k][i] == 0 || (in.delta[k][i] > 0) != (vote >= 0)) continue;
      sum = sum + in.delta[k][i] * static_cast<W>(weights[k]);
      of = of + static_cast<W>(weights[k]);
    }
    const W moved = count == 1 ? in.delta[0][i] : sum / std::max(of, static_cast<W>(1e-6));
    if (moved != 0) result[i] = result[i] + moved;
  }
  return result;
}

template <class W>
std::vector<W> nearswap(const MergeTensor& tensor, const Inputs<W>& in) {
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const W apart = std::abs(in.base[i] - in.tuned[0][i]);
    const W w = std::clamp(static_cast<W>(tensor.settings.t) / std::max(apart, static_cast<W>(1e-6)), W{0}, W{1});
    result[i] = w * in.tuned[0][i] + (W{1} - w) * in.base[i];
  }
  return result;
}

// Step by step on whole tensors, in float64 to the end.
template <class W>
std::vector<W> karcher(const MergeTensor& tensor, const Inputs<W>& in) {
  const auto& settings = tensor.settings;
  const auto count = in.tuned.size();
  double total = 0;
  for (const auto& term : settings.models) total += term.weight;
  double scale = 0;
  std::vector<Values> units;
  for (const auto& x : in.tuned) units.emplace_back(x.begin(), x.end());
  for (std::size_t k = 0; k < count; ++k) {
    const auto norm = std::sqrt(dot(in.tuned[k], in.tuned[k]));
    for (auto& x : units[k]) x /= norm;
    scale += settings.models[k].weight / total * norm;
  }
  const auto add = [](Values& to, double c, const Values& x) {
    for (std::size_t i = 0; i < x.size(); ++i) to[i] += c * x[i];
  };
  const auto normalise = [&](Values& x) {
    const auto norm = std::sqrt(dot(x, x));
    for (auto& value : x) value /= norm;
  };
  Values mean(in.base.size());
  for (std::size_t k = 0; k < count; ++k) add(mean, settings.models[k].weight / total, units[k]);
  normalise(mean);
  for (int step = 0; step < settings.max_iterations; ++step) {
    Values tangent(mean.size());
    for (std::size_t k = 0; k < count; ++k) {
      const auto cosine = std::clamp(dot(mean, units[k]), -1.0, 1.0);
      const auto theta = std::acos(cosine);
      if (theta < settings.tolerance) continue;
      const auto c = settings.models[k].weight / total * (theta / std::sin(theta));
      add(tangent, c, units[k]);
      add(tangent, -c * cosine, mean);
    }
    const auto size = std::sqrt(dot(tangent, tangent));
    if (size < settings.tolerance) break;
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] = std::cos(size) * mean[i] + std::sin(size) * tangent[i] / size;
    normalise(mean);
  }
  for (auto& x : mean) x *= scale;
  return Inputs<W>::narrowed(mean);
}

// (sum of G)^-1 sum of G x by elimination with pivots, in float64 but for the x.
template <class W>
std::vector<W> regmean(const MergeTensor& tensor, const Inputs<W>& in) {
  const auto d = tensor.settings.row;
  const auto rows = in.base.size() / d;
  std::vector<Values> system(d, Values(d + rows));
  for (std::size_t k = 0; k < in.tuned.size(); ++k) {
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        const auto g = in.weights[k][i * d + j] * tensor.settings.models[k].weight * (i == j ? 1 : tensor.settings.alpha);
        system[i][j] += g;
        for (std::size_t r = 0; r < rows; ++r) system[i][d + r] += g * static_cast<double>(averaged(tensor, in, k, r * d + j));
      }
    }
  }
  for (std::size_t c = 0; c < d; ++c) {
    const auto pivot = std::max_element(system.begin() + static_cast<std::ptrdiff_t>(c), system.end(),
                                        [&](const auto& a, const auto& b) { return std::abs(a[c]) < std::abs(b[c]); });
    std::swap(system[c], *pivot);
    for (std::size_t i = 0; i < d; ++i) {
      if (i == c) continue;
      const auto factor = system[i][c] / system[c][c];
      for (std::size_t j = c; j < d + rows; ++j) system[i][j] -= factor * system[c][j];
    }
  }
  Values result(in.base.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < d; ++i) result[r * d + i] = system[i][d + r] / system[i][i];
  }
  return Inputs<W>::narrowed(result);
}

}  // namespace dare::test::reference
