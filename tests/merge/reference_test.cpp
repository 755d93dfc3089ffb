/// Every method over random families against semantics.md written out plainly, element by element, over whole tensors.
#include "merge/family.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::family;
using test::MergeTensor;
using Values = std::vector<double>;

// What a sparsifier left of one model: kept, and by what it is multiplied.
struct Left {
  std::vector<bool> kept;
  Values g;
};

double rank_rate(const ModelTerm& term, std::size_t j, std::size_t m) {
  const auto p = term.rate.drop;
  if (m == 1) return p;
  return std::clamp(p + term.epsilon / 2 - term.epsilon * static_cast<double>(j) / static_cast<double>(m - 1), 0.0, 1.0);
}

Left sparsified(const MergeTensor& tensor, std::size_t k) {
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

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Values task_arithmetic(const MergeTensor& tensor, const Inputs& in) {
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

Values ties(const MergeTensor& tensor, const Inputs& in) {
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
Values average(const MergeTensor& tensor, const Inputs& in) {
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

Values slerp(const MergeTensor& tensor, const Inputs& in) {
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
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = a * in.base[i] + b * in.tuned[0][i];
  return result;
}

// Rows of `row` elements each for themselves.
Values model_stock(const MergeTensor& tensor, const Inputs& in, std::size_t row) {
  const auto count = in.delta.size();
  auto result = in.base;
  for (std::size_t first = 0; first < result.size(); first += row) {
    const auto end = std::min(first + row, result.size());
    const auto part = [&](const Values& x) {
      return Values(x.begin() + static_cast<std::ptrdiff_t>(first), x.begin() + static_cast<std::ptrdiff_t>(end));
    };
    double cosines = 0;
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = a + 1; b < count; ++b) {
        const auto x = part(in.delta[a]);
        const auto y = part(in.delta[b]);
        cosines += std::clamp(dot(x, y) / std::max(std::sqrt(dot(x, x)) * std::sqrt(dot(y, y)), 1e-6), -1.0, 1.0);
      }
    }
    const auto cosine = cosines / static_cast<double>(count * (count - 1) / 2);
    const auto n = static_cast<double>(count);
    const auto t = n * cosine / (1 + (n - 1) * cosine);
    for (auto i = first; i < end; ++i) {
      double sum = 0;
      for (const auto& f : in.tuned) sum += f[i];
      result[i] = t * (sum / n) + (1 - t) * in.base[i];
    }
  }
  (void)tensor;
  return result;
}

Values sce(const MergeTensor& tensor, const Inputs& in) {
  const auto count = in.delta.size();
  const auto n = in.base.size();
  Values variance(n);
  for (std::size_t i = 0; i < n; ++i) {
    double mean = 0;
    for (const auto& d : in.delta) mean += d[i];
    mean /= static_cast<double>(count);
    for (const auto& d : in.delta) variance[i] += (d[i] - mean) * (d[i] - mean);
    variance[i] /= static_cast<double>(count);
  }
  std::vector<bool> selected(n, tensor.settings.select_topk >= 1);
  if (tensor.settings.select_topk < 1) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return variance[a] > variance[b]; });
    const auto nonzero = static_cast<double>(std::count_if(variance.begin(), variance.end(), [](double v) { return v != 0; }));
    for (std::size_t j = 0; j < static_cast<std::size_t>(nonzero * tensor.settings.select_topk); ++j) selected[order[j]] = true;
  }
  Values weights(count);
  double total = 0;
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t i = 0; i < n; ++i) weights[k] += selected[i] ? in.delta[k][i] * in.delta[k][i] : 0;
    weights[k] /= static_cast<double>(n);
    total += weights[k];
  }
  for (auto& w : weights) w = total < 1e-6 ? 1 / static_cast<double>(count) : w / total;
  auto result = in.base;
  for (std::size_t i = 0; i < n; ++i) {
    if (!selected[i]) continue;
    double vote = 0;
    for (const auto& d : in.delta) vote += d[i];
    double sum = 0;
    double of = 0;
    for (std::size_t k = 0; k < count; ++k) {
      if (in.delta[k][i] == 0 || (in.delta[k][i] > 0) != (vote >= 0)) continue;
      sum += in.delta[k][i] * weights[k];
      of += weights[k];
    }
    result[i] += sum / std::max(of, 1e-6);
  }
  return result;
}

Values nearswap(const MergeTensor& tensor, const Inputs& in) {
  auto result = in.base;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto w = std::clamp(tensor.settings.t / std::max(std::abs(in.base[i] - in.tuned[0][i]), 1e-6), 0.0, 1.0);
    result[i] = w * in.tuned[0][i] + (1 - w) * in.base[i];
  }
  return result;
}

// Step by step on whole tensors.
Values karcher(const MergeTensor& tensor, const Inputs& in) {
  const auto& settings = tensor.settings;
  const auto count = in.tuned.size();
  double total = 0;
  for (const auto& term : settings.models) total += term.weight;
  double scale = 0;
  auto units = in.tuned;
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
  return mean;
}

// (sum of G)^-1 sum of G x by elimination with pivots.
Values regmean(const MergeTensor& tensor, const Inputs& in) {
  const auto d = tensor.settings.row;
  const auto rows = in.base.size() / d;
  std::vector<Values> system(d, Values(d + rows));
  for (std::size_t k = 0; k < in.tuned.size(); ++k) {
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        const auto g = in.fisher[k][i * d + j] * tensor.settings.models[k].weight * (i == j ? 1 : tensor.settings.alpha);
        system[i][j] += g;
        for (std::size_t r = 0; r < rows; ++r) {
          auto x = in.tuned[k][r * d + j];
          if (tensor.settings.sparsifier != Sparsifier::none)
            x = in.base[r * d + j] + (in.left[k].kept[r * d + j] ? in.left[k].g[r * d + j] * in.delta[k][r * d + j] : 0);
          system[i][d + r] += g * x;
        }
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
  return result;
}

void expect_equal(const Values& found, const Values& expected, double tolerance = 0) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (tolerance == 0) {
      ASSERT_EQ(found[i], expected[i]) << i;
    } else {
      ASSERT_NEAR(found[i], expected[i], tolerance) << i;
    }
  }
}

Values merged(const MergeTensor& tensor) {
  const auto result = test::merge_all_ways(tensor);
  EXPECT_FALSE(result.finding);
  return test::decoded(Dtype::f64, result.bytes);
}

MergeTensor random_family(std::size_t models, std::uint32_t seed, std::uint64_t row = 37) {
  auto tensor = family({row * (30 + seed * 11), row, models, Dtype::f64, 0}, seed);
  tensor.settings.lambda = .8;
  return tensor;
}

constexpr Sparsifier k_sparsifiers[]{Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della};

TEST(Reference, SparsifiersRescalesAndSums) {
  for (const auto sparsifier : k_sparsifiers) {
    for (const auto rescale : {Rescale::none, Rescale::expected, Rescale::l1}) {
      for (const std::size_t models : {1U, 3U, 8U}) {
        auto tensor = random_family(models, static_cast<std::uint32_t>(models));
        tensor.settings.sparsifier = sparsifier;
        const auto rate = sparsifier == Sparsifier::none ? Rate::from_drop(0)
                          : models % 4 == 1              ? Rate::from_drop(.7)
                                                         : Rate::from_density(.25);
        test::set_rates(tensor, rate, rescale);
        for (auto& term : tensor.settings.models) {
          term.gamma = .05;
          term.epsilon = .3;
        }
        for (const bool normalize : {false, true}) {
          tensor.settings.normalize = normalize;
          tensor.settings.combiner = Combiner::task_arithmetic;
          expect_equal(merged(tensor), task_arithmetic(tensor, Inputs{tensor}));
          for (const auto sign : {Sign::weighted, Sign::unweighted}) {
            tensor.settings.combiner = Combiner::ties;
            tensor.settings.sign = sign;
            expect_equal(merged(tensor), ties(tensor, Inputs{tensor}));
          }
        }
        tensor.settings.combiner = Combiner::average;
        expect_equal(merged(tensor), average(tensor, Inputs{tensor}));
      }
    }
  }
}

TEST(Reference, Fisher) {
  for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude}) {
    auto tensor = random_family(3, 4);
    tensor.settings.combiner = Combiner::fisher;
    tensor.settings.sparsifier = sparsifier;
    test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : .6), Rescale::expected);
    for (std::size_t k = 0; k < 3; ++k) {
      auto weights = test::deltas(tensor, k);
      for (auto& w : weights) w = w * w;
      tensor.auxiliary.push_back(test::encoded(Dtype::f64, weights));
      tensor.settings.models[k].auxiliary = Dtype::f64;
    }
    expect_equal(merged(tensor), average(tensor, Inputs{tensor}));
  }
}

TEST(Reference, Regmean) {
  for (const double alpha : {1.0, .9}) {
    for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare}) {
      auto tensor = random_family(3, 5, 9);
      tensor.settings.combiner = Combiner::regmean;
      tensor.settings.alpha = alpha;
      tensor.settings.sparsifier = sparsifier;
      test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : .5), Rescale::expected);
      std::mt19937 engine{5};
      std::normal_distribution<double> normal;
      for (auto& term : tensor.settings.models) {
        Values inputs(9 * 40);
        for (auto& x : inputs) x = normal(engine);
        Values gram(81);
        for (std::size_t i = 0; i < 9; ++i) {
          for (std::size_t j = 0; j < 9; ++j) {
            for (std::size_t s = 0; s < 40; ++s) gram[i * 9 + j] += inputs[s * 9 + i] * inputs[s * 9 + j];
          }
        }
        tensor.auxiliary.push_back(test::encoded(Dtype::f64, gram));
        term.auxiliary = Dtype::f64;
      }
      expect_equal(merged(tensor), regmean(tensor, Inputs{tensor}), 1e-13);
    }
  }
}

TEST(Reference, SlerpAndNearswap) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    auto tensor = random_family(1, seed);
    tensor.settings.t = .2 * seed;
    if (seed % 2 == 0) {  // far apart, so that the sphere matters
      const auto other = random_family(1, seed + 10);
      tensor.models[0] =
          test::Bytes{other.models[0].begin(), other.models[0].begin() + static_cast<std::ptrdiff_t>(tensor.models[0].size())};
    }
    tensor.settings.combiner = Combiner::slerp;
    expect_equal(merged(tensor), slerp(tensor, Inputs{tensor}));
    tensor.settings.combiner = Combiner::nearswap;
    tensor.settings.t = .001;
    expect_equal(merged(tensor), nearswap(tensor, Inputs{tensor}));
  }
}

TEST(Reference, ModelStock) {
  for (std::size_t models = 2; models <= 6; ++models) {
    auto tensor = random_family(models, static_cast<std::uint32_t>(models));
    tensor.settings.combiner = Combiner::model_stock;
    expect_equal(merged(tensor), model_stock(tensor, Inputs{tensor}, tensor.settings.elements));
    tensor.settings.filter_wise = true;
    expect_equal(merged(tensor), model_stock(tensor, Inputs{tensor}, tensor.settings.row));
  }
}

TEST(Reference, Sce) {
  for (const double topk : {1.0, .6, .1, 0.0}) {
    for (std::size_t models = 1; models <= 5; models += 2) {
      auto tensor = random_family(models, static_cast<std::uint32_t>(models) + 3);
      tensor.settings.combiner = Combiner::sce;
      tensor.settings.select_topk = topk;
      expect_equal(merged(tensor), sce(tensor, Inputs{tensor}));
    }
  }
}

TEST(Reference, Karcher) {
  for (std::size_t models = 2; models <= 6; ++models) {
    auto tensor = random_family(models, static_cast<std::uint32_t>(models));
    tensor.settings.combiner = Combiner::karcher;
    expect_equal(merged(tensor), karcher(tensor, Inputs{tensor}), 1e-14);
    for (std::size_t k = 0; k < models; ++k) tensor.models[k] = test::encoded(Dtype::f64, test::deltas(tensor, k));  // far apart
    expect_equal(merged(tensor), karcher(tensor, Inputs{tensor}), 1e-14);
  }
}

}  // namespace
}  // namespace dare::merge
