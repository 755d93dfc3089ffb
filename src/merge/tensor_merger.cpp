#include <dare/merge/tensor_merger.hpp>

#include "merge/convert.hpp"
#include "merge/fused.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

namespace dare::merge {
namespace {

constexpr std::size_t k_strip = 2048;  // elements; all its buffers stay in the first-level cache
constexpr std::uint64_t k_all = std::uint64_t{1} << 32U;

unsigned bytes_of(Dtype dtype) {
  return info(dtype).bits / 8;
}

bool wide(const TensorSettings& settings) {
  const auto is_wide = [](Dtype dtype) { return info(dtype).bits > 16; };
  return is_wide(settings.base_dtype) ||
         std::any_of(settings.models.begin(), settings.models.end(), [&](const auto& m) { return is_wide(m.dtype); });
}

// c_k of semantics.md 2: in float64 as written, rounded to W once.
template <class W>
W coefficient(const TensorSettings& settings, const ModelTerm& term) {
  double sum = 1;
  if (settings.normalize) {
    sum = 0;
    for (const auto& model : settings.models) sum += model.weight;
  }
  const auto g = term.rescale == Rescale::expected ? term.rate.expected_factor() : 1.0;
  return static_cast<W>(((settings.lambda * term.weight) * g) / sum);
}

template <class W>
bool all_finite(std::span<const W> values) {
  // x - x is 0 for finite x, else NaN; the sum shows any.
  W sum = 0;
  for (const auto x : values) sum += x - x;
  return sum == 0;
}

bool representable(Dtype out, double value) {
  return std::isfinite(value) && !encode(out, value).overflow;
}

}  // namespace

struct TensorMerger::Scratch {
  template <class W>
  struct Of {
    std::array<W, k_strip> base, tuned, sum;
  };
  Of<float> narrow;
  Of<double> wide;
  std::array<std::uint16_t, k_strip> draws;
  std::array<bool, k_strip> bad;  // an input of this element is not finite
};

void TensorMerger::ScratchDeleter::operator()(Scratch* scratch) const noexcept {
  delete scratch;
}
TensorMerger::ScratchPtr TensorMerger::make_scratch() {
  return ScratchPtr{new Scratch};
}
TensorMerger::TensorMerger(TensorSettings settings) : settings_{std::move(settings)} {}

namespace {

// One strip of one tensor: what merge_in does with every 2048 elements.
template <class W>
class Strip {
 public:
  Strip(const TensorSettings& settings, std::uint64_t first, std::span<W> base, std::span<W> tuned, std::span<W> sum,
        std::span<std::uint16_t> draws, std::span<bool> bad)
      : settings_{settings}, first_{first}, base_{base}, tuned_{tuned}, sum_{sum}, draws_{draws}, bad_{bad} {}

  void load_base(std::span<const std::byte> bytes) {
    widen<W>(settings_.base_dtype, bytes, base_);
    std::fill(sum_.begin(), sum_.end(), W{-0.0});
    std::fill(bad_.begin(), bad_.end(), false);
    note_nonfinite(base_, -1);
  }

  void add(std::size_t k, std::span<const std::byte> bytes) {
    const auto& term = settings_.models[k];
    widen<W>(term.dtype, bytes, tuned_);
    note_nonfinite(tuned_, static_cast<int>(k));
    const auto c = coefficient<W>(settings_, term);
    const auto threshold = settings_.sparsifier == Sparsifier::dare ? random::drop_threshold(term.rate.drop) : 0;
    if (threshold == k_all) return;
    if (threshold == 0) {
      for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += c * (tuned_[i] - base_[i]);
      return;
    }
    const random::DropStream stream{settings_.seed, term.stream, settings_.name};
    stream.high_halves(first_, draws_);
    const auto limit = stream.settle(first_, threshold, draws_);
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      const W moved = sum_[i] + c * (tuned_[i] - base_[i]);
      sum_[i] = draws_[i] < limit ? sum_[i] : moved;
    }
  }

  void finish(std::span<const std::byte> base_bytes, std::span<std::byte> out, Counts& counts) {
    if (settings_.out_dtype == Dtype::bf16 && settings_.base_dtype == Dtype::bf16 && finish_bf16(base_bytes, out, counts)) return;
    const auto size = bytes_of(settings_.out_dtype);
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      const auto own = own_bits(base_bytes, i);
      if (sum_[i] == 0) {
        const auto code = own ? Code{*own, false} : rounded(base_[i], i);
        store(out, size, i, code.bits);
        continue;
      }
      const auto code = rounded(base_[i] + sum_[i], i);
      store(out, size, i, code.bits);
      if (code.bits == (own ? *own : encode(settings_.out_dtype, base_[i]).bits)) ++counts.swallowed;
    }
  }

  [[nodiscard]] const std::optional<Finding>& finding() const { return finding_; }

 private:
  void note_nonfinite(std::span<const W> values, int model) {
    if (all_finite(values)) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      bad_[i] = true;
      if (settings_.nonfinite == Nonfinite::keep) continue;
      if (!finding_ || first_ + i < finding_->index)
        finding_ = Finding{Finding::Kind::nonfinite_input, first_ + i, model, static_cast<double>(values[i])};
    }
  }

  // The common case without a branch an element; false where an element needs more care.
  bool finish_bf16(std::span<const std::byte> base_bytes, std::span<std::byte> out, Counts& counts) {
    if constexpr (std::is_same_v<W, float>) {
      std::uint32_t largest = 0;
      std::uint32_t swallowed = 0;
      for (std::size_t i = 0; i < sum_.size(); ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(base_[i] + sum_[i]);
        const auto up = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
        const auto own = std::bit_cast<std::uint32_t>(base_[i]) >> 16U;
        const auto code = sum_[i] == 0 ? own : up;
        swallowed += static_cast<std::uint32_t>(sum_[i] != 0 && up == own);
        largest = std::max(largest, code & 0x7FFFU);
        const auto narrow = static_cast<std::uint16_t>(code);
        std::memcpy(out.data() + 2 * i, &narrow, 2);
      }
      (void)base_bytes;
      if (largest >= 0x7F80U) return false;
      counts.swallowed += swallowed;
      return true;
    }
    return false;
  }

  [[nodiscard]] std::optional<std::uint64_t> own_bits(std::span<const std::byte> base_bytes, std::size_t i) const {
    if (settings_.base_dtype != settings_.out_dtype) return std::nullopt;
    std::uint64_t bits = 0;
    const auto size = bytes_of(settings_.base_dtype);
    std::memcpy(&bits, base_bytes.data() + i * size, size);
    return bits;
  }

  Code rounded(W value, std::size_t i) {
    auto code = encode(settings_.out_dtype, static_cast<double>(value));
    if (bad_[i] || representable(settings_.out_dtype, static_cast<double>(value))) return code;
    if (settings_.overflow == Overflow::error) {
      if (!finding_ || first_ + i < finding_->index)
        finding_ = Finding{Finding::Kind::overflow, first_ + i, -1, static_cast<double>(value)};
    } else if (!std::isnan(value)) {
      code.bits = saturated(settings_.out_dtype, static_cast<double>(value));
    }
    return code;
  }

  const TensorSettings& settings_;
  std::uint64_t first_;
  std::span<W> base_;
  std::span<W> tuned_;
  std::span<W> sum_;
  std::span<std::uint16_t> draws_;
  std::span<bool> bad_;
  std::optional<Finding> finding_;
};

}  // namespace

template <class W>
std::optional<Finding> TensorMerger::merge_in(std::uint64_t first, std::span<const std::byte> base,
                                              std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts,
                                              Scratch& scratch) const {
  const auto base_size = bytes_of(settings_.base_dtype);
  const auto out_size = bytes_of(settings_.out_dtype);
  const auto n = base.size() / base_size;
  auto& buffers = [&]() -> auto& {
    if constexpr (std::is_same_v<W, float>) {
      return scratch.narrow;
    } else {
      return scratch.wide;
    }
  }
  ();
  for (std::size_t at = 0; at < n; at += k_strip) {
    const auto count = std::min(k_strip, n - at);
    const auto part = [&](auto& array) { return std::span{array}.first(count); };
    Strip<W> strip{settings_,         first + at,          part(buffers.base), part(buffers.tuned),
                   part(buffers.sum), part(scratch.draws), part(scratch.bad)};
    const auto base_part = base.subspan(at * base_size, count * base_size);
    strip.load_base(base_part);
    for (std::size_t k = 0; k < models.size(); ++k) {
      const auto size = bytes_of(settings_.models[k].dtype);
      strip.add(k, models[k].subspan(at * size, count * size));
    }
    strip.finish(base_part, out.subspan(at * out_size, count * out_size), counts);
    if (strip.finding()) return strip.finding();
    counts.merged += count;
  }
  return std::nullopt;
}

std::optional<Finding> TensorMerger::merge_plain(std::uint64_t first, std::span<const std::byte> base,
                                                 std::span<const std::span<const std::byte>> models, std::span<std::byte> out,
                                                 Counts& counts, Scratch& scratch) const {
  assert(models.size() == settings_.models.size());
  return wide(settings_) ? merge_in<double>(first, base, models, out, counts, scratch)
                         : merge_in<float>(first, base, models, out, counts, scratch);
}

std::optional<Finding> TensorMerger::merge(std::uint64_t first, std::span<const std::byte> base,
                                           std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts,
                                           Scratch& scratch) const {
  if (plain_only_ || !fused_applies(settings_)) return merge_plain(first, base, models, out, counts, scratch);
  FusedMerge fused{settings_};
  const auto n = out.size() / bytes_of(settings_.out_dtype);
  std::vector<std::span<const std::byte>> parts(models.size());
  for (std::size_t at = 0; at < n;) {
    const auto cut = [&](auto bytes, Dtype dtype, std::size_t count) {
      const auto skipped = std::min(bytes.size(), at * bytes_of(dtype));
      return bytes.subspan(skipped, std::min(bytes.size() - skipped, count * bytes_of(dtype)));
    };
    const auto cut_models = [&](std::size_t count) {
      for (std::size_t k = 0; k < models.size(); ++k) parts[k] = cut(models[k], settings_.models[k].dtype, count);
    };
    cut_models(n - at);
    at += fused.run(first + at, cut(base, settings_.base_dtype, n - at), parts, cut(out, settings_.out_dtype, n - at), counts);
    // What the kernels leave is a strip with a value that needs looking at.
    const auto left = std::min(n - at, FusedMerge::k_strip);
    if (left == 0) break;
    cut_models(left);
    const auto finding =
        merge_plain(first + at, cut(base, settings_.base_dtype, left), parts, cut(out, settings_.out_dtype, left), counts, scratch);
    if (finding) return finding;
    at += left;
  }
  return std::nullopt;
}

}  // namespace dare::merge
