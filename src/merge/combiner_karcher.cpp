// The weighted mean on the unit sphere, by steps along tangents. Every point that it meets is a combination of the models, so the models'
// dot products are all it needs: the steps run on K numbers instead of on tensors.
#include "merge/combiner.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dare::merge {
namespace {

using Vector = std::vector<double>;

// Points as combinations of the unit vectors of those models that are not 0.
class Sphere {
 public:
  Sphere(const TensorSettings& settings, std::span<const double> sums) : tolerance_{settings.tolerance} {
    const auto models = settings.models.size();
    double total = 0;
    for (std::size_t k = 0; k < models; ++k) {
      norms_.push_back(std::sqrt(sums[pair_position(models, k, k)]));
      if (norms_[k] > tolerance_) {
        valid_.push_back(k);
        total += settings.models[k].weight;
      }
    }
    for (const auto k : valid_) alphas_.push_back(settings.models[k].weight / total);
    for (const auto i : valid_) {
      for (const auto j : valid_) dots_.push_back(sums[pair_position(models, std::min(i, j), std::max(i, j))] / (norms_[i] * norms_[j]));
    }
  }

  [[nodiscard]] const Vector& norms() const { return norms_; }
  [[nodiscard]] const std::vector<std::size_t>& valid() const { return valid_; }

  [[nodiscard]] Vector mean(int iterations) const {
    auto point = alphas_;
    const auto length = norm(point);
    if (negligible(length)) {
      std::fill(point.begin(), point.end(), 0.0);
      point[0] = 1;
    } else {
      scale(point, 1 / length);
    }
    for (int step = 0; step < iterations; ++step) {
      const auto tangent = tangent_at(point);
      const auto size = norm(tangent);
      if (negligible(size)) break;
      for (std::size_t i = 0; i < point.size(); ++i) point[i] = std::cos(size) * point[i] + std::sin(size) * (tangent[i] / size);
      const auto now = norm(point);
      if (now > tolerance_) scale(point, 1 / now);
    }
    return point;
  }

 private:
  // A tolerance of 0 ends at what is exact: all of these lengths are divided by.
  [[nodiscard]] bool negligible(double length) const { return length < tolerance_ || length == 0; }
  static void scale(Vector& x, double factor) {
    for (auto& value : x) value *= factor;
  }
  [[nodiscard]] double dot_with(const Vector& x, std::size_t unit) const {
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * dots_[unit * x.size() + j];
    return sum;
  }
  [[nodiscard]] double norm(const Vector& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * dot_with(x, i);
    return std::sqrt(std::max(0.0, sum));
  }
  [[nodiscard]] Vector tangent_at(const Vector& point) const {
    Vector tangent(point.size());
    for (std::size_t k = 0; k < point.size(); ++k) {
      const auto dot = std::clamp(dot_with(point, k), -1.0, 1.0);
      const auto theta = std::acos(dot);
      if (negligible(theta)) continue;
      const auto length = alphas_[k] * (theta / std::sin(theta));
      for (std::size_t i = 0; i < point.size(); ++i) tangent[i] += length * ((i == k ? 1.0 : 0.0) - dot * point[i]);
    }
    return tangent;
  }

  double tolerance_;
  Vector norms_;
  std::vector<std::size_t> valid_;
  Vector alphas_;
  Vector dots_;
};

}  // namespace

template <class W>
void add_karcher(const Strip<W>& strip, std::span<double> sums) {
  add_pairs(strip, &ModelStrip<W>::tuned, sums);
}

// One factor a model.
std::vector<double> coefficients_of_karcher(const TensorSettings& settings, std::span<const double> sums) {
  Vector factors(settings.models.size());
  if (factors.size() == 1) return {1};
  const Sphere sphere{settings, sums};
  if (sphere.valid().empty()) return factors;
  const auto total =
      std::accumulate(settings.models.begin(), settings.models.end(), 0.0, [](double s, const auto& m) { return s + m.weight; });
  double scale = 0;
  for (std::size_t k = 0; k < factors.size(); ++k) scale += settings.models[k].weight / total * sphere.norms()[k];
  const auto mean = sphere.mean(settings.max_iterations);
  for (std::size_t i = 0; i < mean.size(); ++i) factors[sphere.valid()[i]] = scale * mean[i] / sphere.norms()[sphere.valid()[i]];
  return factors;
}

template <class W>
void combine_karcher(const Strip<W>& strip) {
  std::fill(strip.result.begin(), strip.result.end(), W{0});
  mark_effect(strip);
  for (const auto& model : strip.models) {
    const auto c = static_cast<W>(strip.coefficients[model.term]);
    for (std::size_t i = 0; i < strip.size; ++i) strip.result[i] += c * model.tuned[i];
  }
}

template void add_karcher<float>(const Strip<float>&, std::span<double>);
template void add_karcher<double>(const Strip<double>&, std::span<double>);
template void combine_karcher<float>(const Strip<float>&);
template void combine_karcher<double>(const Strip<double>&);

}  // namespace dare::merge
