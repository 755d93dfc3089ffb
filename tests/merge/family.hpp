#pragma once
/// Small tensors of random weights, and plain readings of their bytes.

#include "merge/convert.hpp"
#include "merge/serial.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace dare::test {

inline Bytes encoded(Dtype dtype, const std::vector<double>& values) {
  const auto size = info(dtype).bits / 8;
  Bytes bytes(values.size() * size);
  for (std::size_t i = 0; i < values.size(); ++i) merge::store(bytes, size, i, merge::encode(dtype, values[i]).bits);
  return bytes;
}

inline std::vector<double> decoded(Dtype dtype, const Bytes& bytes) {
  std::vector<double> values(bytes.size() * 8 / info(dtype).bits);
  merge::widen<double>(dtype, bytes, values);
  return values;
}

/// What a family is made of.
struct FamilyShape {
  std::uint64_t elements = 1000;
  std::uint64_t row = 25;
  std::size_t models = 3;
  Dtype dtype = Dtype::f32;
  double step = 0;  ///< deltas are multiples of this, so that many are equal; 0: they are not
};

/// A tensor "w" of `shape` with weights of about .02 and deltas of about .002; the same for one seed.
inline MergeTensor family(const FamilyShape& shape, std::uint32_t seed) {
  std::mt19937 engine{seed};
  std::normal_distribution<double> normal;
  MergeTensor tensor;
  auto& settings = tensor.settings;
  settings.name = "w";
  settings.base_dtype = settings.out_dtype = shape.dtype;
  settings.elements = shape.elements;
  settings.row = shape.row;
  settings.seed = seed;
  std::vector<double> base(shape.elements);
  for (auto& b : base) b = .02 * normal(engine);
  tensor.base = encoded(shape.dtype, base);
  base = decoded(shape.dtype, tensor.base);
  for (std::size_t k = 0; k < shape.models; ++k) {
    auto tuned = base;
    for (auto& f : tuned) {
      auto delta = .002 * normal(engine);
      if (shape.step != 0) delta = std::round(delta / shape.step) * shape.step;
      f += delta;
    }
    tensor.models.push_back(encoded(shape.dtype, tuned));
    merge::ModelTerm term;
    term.model = static_cast<std::uint32_t>(k);
    term.dtype = shape.dtype;
    term.stream = k;
    term.weight = .3 + .2 * static_cast<double>(k);
    settings.models.push_back(term);
  }
  return tensor;
}

inline void set_rates(MergeTensor& tensor, merge::Rate rate, merge::Rescale rescale = merge::Rescale::none) {
  for (auto& term : tensor.settings.models) {
    term.rate = rate;
    term.rescale = rescale;
  }
}

/// The deltas of model k in the working type, widened to float64.
inline std::vector<double> deltas(const MergeTensor& tensor, std::size_t k) {
  const auto base = decoded(tensor.settings.base_dtype, tensor.base);
  auto delta = decoded(tensor.settings.models[k].dtype, tensor.models[k]);
  const bool wide = works_wide(tensor.settings);
  for (std::size_t i = 0; i < delta.size(); ++i)
    delta[i] = wide ? delta[i] - base[i] : static_cast<double>(static_cast<float>(delta[i]) - static_cast<float>(base[i]));
  return delta;
}

/// A tensor of given values, all of one type.
inline MergeTensor worked(Dtype dtype, const std::vector<double>& base, const std::vector<std::vector<double>>& models) {
  MergeTensor tensor;
  tensor.settings.name = "w";
  tensor.settings.base_dtype = tensor.settings.out_dtype = dtype;
  tensor.settings.elements = tensor.settings.row = base.size();
  tensor.base = encoded(dtype, base);
  for (const auto& model : models) {
    tensor.models.push_back(encoded(dtype, model));
    merge::ModelTerm term;
    term.model = static_cast<std::uint32_t>(tensor.settings.models.size());
    term.stream = term.model;
    term.dtype = dtype;
    tensor.settings.models.push_back(term);
  }
  return tensor;
}

}  // namespace dare::test
