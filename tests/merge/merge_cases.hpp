#pragma once
/// Settings and inputs for tests of the merge kernels.

#include "merge/merge_reference.hpp"

#include <dare/merge/tensor_merger.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace dare::test {

inline constexpr std::array k_float_types{Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2};

struct MergeCase {
  merge::TensorSettings settings;
  std::uint64_t first = 0;
  Bytes base;
  std::vector<Bytes> models;

  [[nodiscard]] std::vector<std::span<const std::byte>> spans() const { return {models.begin(), models.end()}; }
};

inline merge::ModelTerm term(Dtype dtype, double weight, double p, std::uint64_t stream) {
  merge::ModelTerm result;
  result.dtype = dtype;
  result.weight = weight;
  result.rate = merge::Rate::from_drop(p);
  result.rescale = merge::Rescale::expected;
  result.stream = stream;
  result.elements = ~std::uint64_t{0};
  return result;
}

inline merge::TensorSettings settings_for(merge::Combiner combiner, Dtype base, Dtype out, std::vector<merge::ModelTerm> models) {
  merge::TensorSettings settings;
  settings.name = "model.layers.0.mlp.down_proj.weight";
  settings.base_dtype = base;
  settings.out_dtype = out;
  settings.elements = ~std::uint64_t{0};
  settings.base_elements = settings.elements;
  settings.sparsifier = merge::Sparsifier::dare;
  settings.combiner = combiner;
  settings.models = std::move(models);
  settings.lambda = 0.9;
  settings.normalize = combiner == merge::Combiner::ties;
  settings.seed = 42;
  return settings;
}

/// Weights as networks have them, and models near to them; a few exact zeros of both signs and unchanged elements among them.
inline MergeCase make_case(merge::TensorSettings settings, std::uint64_t first, std::size_t n, unsigned seed) {
  MergeCase result{std::move(settings), first, {}, {}};
  const auto& terms = result.settings.models;
  result.models.resize(terms.size());
  std::mt19937 bits{seed};
  std::normal_distribution<double> normal{0, 0.05};
  for (std::size_t i = 0; i < n; ++i) {
    const auto kind = bits() % 16;
    const auto value = kind == 0 ? 0.0 : kind == 1 ? -0.0 : normal(bits);
    append(result.base, result.settings.base_dtype, narrowed(result.settings.base_dtype, value).code);
    for (std::size_t k = 0; k < terms.size(); ++k) {
      const auto tuned = bits() % 16 == 0 ? value : value + 0.2 * normal(bits);
      append(result.models[k], terms[k].dtype, narrowed(terms[k].dtype, tuned).code);
    }
  }
  return result;
}

/// Codes that want care: zeros, subnormals, the largest, infinities, NaN with payloads; finite ones first.
inline std::vector<std::uint64_t> special_codes(Dtype dtype, bool finite_only) {
  const auto bits = info(dtype).bits;
  const auto sign = std::uint64_t{1} << (bits - 1);
  std::vector<std::uint64_t> codes{0, 1, 2, 3};
  const auto infinity = dtype == Dtype::f64    ? 0x7FF0000000000000U
                        : dtype == Dtype::f32  ? 0x7F800000U
                        : dtype == Dtype::f16  ? 0x7C00U
                        : dtype == Dtype::bf16 ? 0x7F80U
                                               : 0x7CU;
  if (dtype == Dtype::f8_e4m3) {
    codes.insert(codes.end(), {0x7, 0x8, 0x7D, 0x7E});
    if (!finite_only) codes.push_back(0x7F);
  } else {
    codes.insert(codes.end(), {infinity - 1, infinity - 2});
    if (!finite_only) codes.insert(codes.end(), {infinity, infinity + 1, infinity | (infinity >> 1U) | 1U, sign - 1});
  }
  const auto positive = codes.size();
  for (std::size_t i = 0; i < positive; ++i) codes.push_back(codes[i] | sign);
  return codes;
}

/// Replaces elements of the base and of all models, each with a chance of 1 in `one_in`, by special ones.
inline void strew(MergeCase& test, unsigned one_in, bool finite_only, unsigned seed) {
  std::mt19937 bits{seed};
  const auto strew_in = [&](Dtype dtype, Bytes& bytes) {
    const auto codes = special_codes(dtype, finite_only);
    for (std::size_t i = 0; i < bytes.size() / size_of(dtype); ++i) {
      if (bits() % one_in == 0) std::memcpy(bytes.data() + i * size_of(dtype), &codes[bits() % codes.size()], size_of(dtype));
    }
  };
  strew_in(test.settings.base_dtype, test.base);
  for (std::size_t k = 0; k < test.models.size(); ++k) strew_in(test.settings.models[k].dtype, test.models[k]);
}

}  // namespace dare::test
