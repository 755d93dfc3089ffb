#pragma once
/// DARE with task arithmetic or ties, one element after another as semantics.md writes it: what the kernels are compared with.

#include "merge/float_reference.hpp"

#include <dare/merge/tensor_merger.hpp>
#include <dare/random/drop_stream.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dare::test {

using Bytes = std::vector<std::byte>;

inline std::uint64_t code_at(Dtype dtype, const std::byte* bytes) {
  std::uint64_t code = 0;
  std::memcpy(&code, bytes, size_of(dtype));
  return code;
}

inline void append(Bytes& bytes, Dtype dtype, std::uint64_t code) {
  const auto at = bytes.size();
  bytes.resize(at + size_of(dtype));
  std::memcpy(bytes.data() + at, &code, size_of(dtype));
}

struct Merged {
  Bytes out;
  merge::Counts counts;
  std::optional<merge::Finding> finding;
};

template <class W>
class Reference {
 public:
  explicit Reference(const merge::TensorSettings& settings) : settings_{settings} {
    for (const auto& term : settings.models) streams_.emplace_back(settings.seed, term.stream, settings.name);
  }

  Merged merge(std::uint64_t first, const Bytes& base, const std::vector<Bytes>& models) const {
    Merged result;
    const auto n = base.size() / size_of(settings_.base_dtype);
    for (std::size_t i = 0; i < n && !result.finding; ++i) {
      const auto* at = base.data() + i * size_of(settings_.base_dtype);
      std::vector<double> tuned;
      for (std::size_t k = 0; k < models.size(); ++k)
        tuned.push_back(value_at(settings_.models[k].dtype, models[k].data() + i * size_of(settings_.models[k].dtype)));
      element(first + i, at, tuned, result);
    }
    return result;
  }

 private:
  static W factor(const merge::ModelTerm& term) {
    return term.rescale == merge::Rescale::expected ? static_cast<W>(term.rate.expected_factor()) : W{1};
  }
  static double exact_factor(const merge::ModelTerm& term) {
    return term.rescale == merge::Rescale::expected ? term.rate.expected_factor() : 1.0;
  }

  [[nodiscard]] bool kept(std::size_t k, std::uint64_t index) const {
    return settings_.sparsifier != merge::Sparsifier::dare ||
           !streams_[k].dropped(index, random::drop_threshold(settings_.models[k].rate.drop));
  }

  [[nodiscard]] W arithmetic(std::uint64_t index, W base, const std::vector<double>& tuned) const {
    double weights = 0;
    for (const auto& term : settings_.models) weights += term.weight;
    W sum = W{-0.0};
    for (std::size_t k = 0; k < tuned.size(); ++k) {
      const auto& term = settings_.models[k];
      const auto c = static_cast<W>(((settings_.lambda * term.weight) * exact_factor(term)) / (settings_.normalize ? weights : 1.0));
      if (kept(k, index)) sum = sum + c * (static_cast<W>(tuned[k]) - base);
    }
    return sum;
  }

  [[nodiscard]] W ties(std::uint64_t index, W base, const std::vector<double>& tuned) const {
    std::vector<W> terms;
    W vote = 0;
    for (std::size_t k = 0; k < tuned.size(); ++k) {
      const auto& term = settings_.models[k];
      const auto keeps = kept(k, index);
      const W delta = static_cast<W>(tuned[k]) - base;
      terms.push_back(keeps ? static_cast<W>(term.weight * exact_factor(term)) * delta : W{0});
      if (settings_.sign == merge::Sign::weighted) {
        vote = vote + terms.back();
      } else if (keeps) {
        vote = vote + factor(term) * delta;
      }
    }
    W sum = 0;
    W weights = 0;
    for (std::size_t k = 0; k < terms.size(); ++k) {
      const auto agrees = vote >= 0 ? terms[k] > 0 : terms[k] < 0;
      if (!agrees) continue;
      sum = sum + terms[k];
      weights = weights + static_cast<W>(settings_.models[k].weight);
    }
    const W mean = settings_.normalize ? sum / (weights == 0 ? W{1} : weights) : sum;
    return static_cast<W>(settings_.lambda) * mean;
  }

  void element(std::uint64_t index, const std::byte* base_bytes, const std::vector<double>& tuned, Merged& result) const {
    const auto base = static_cast<W>(value_at(settings_.base_dtype, base_bytes));
    int bad = -2;  // the first input that is not finite; none
    if (!std::isfinite(base)) bad = -1;
    for (std::size_t k = 0; k < tuned.size() && bad == -2; ++k) {
      if (!std::isfinite(tuned[k])) bad = static_cast<int>(k);
    }
    if (bad != -2 && settings_.nonfinite == merge::Nonfinite::error) {
      const auto value = bad == -1 ? static_cast<double>(base) : tuned[static_cast<std::size_t>(bad)];
      result.finding = merge::Finding{merge::Finding::Kind::nonfinite_input, index, bad, value};
      return;
    }
    const auto to = settings_.out_dtype;
    const auto own = to == settings_.base_dtype ? code_at(to, base_bytes) : narrowed(to, static_cast<double>(base)).code;
    const W sum = settings_.combiner == merge::Combiner::ties ? ties(index, base, tuned) : arithmetic(index, base, tuned);
    const W value = sum == 0 ? base : base + sum;
    auto code = narrowed(to, static_cast<double>(value));
    if (std::isfinite(value) ? code.overflow : bad == -2) {
      if (settings_.overflow == merge::Overflow::error) {
        result.finding = merge::Finding{merge::Finding::Kind::overflow, index, -1, static_cast<double>(value)};
        return;
      }
      if (std::isinf(value)) code = narrowed(to, std::copysign(std::numeric_limits<double>::max(), static_cast<double>(value)));
    }
    if (sum == 0 && to == settings_.base_dtype) code.code = own;
    append(result.out, to, code.code);
    ++result.counts.merged;
    if (sum != 0 && code.code == own) ++result.counts.swallowed;
  }

  const merge::TensorSettings& settings_;
  std::vector<random::DropStream> streams_;
};

inline Merged reference_merge(const merge::TensorSettings& settings, std::uint64_t first, const Bytes& base,
                              const std::vector<Bytes>& models) {
  auto wide = info(settings.base_dtype).bits > 16;
  for (const auto& term : settings.models) wide = wide || info(term.dtype).bits > 16;
  return wide ? Reference<double>{settings}.merge(first, base, models) : Reference<float>{settings}.merge(first, base, models);
}

}  // namespace dare::test
