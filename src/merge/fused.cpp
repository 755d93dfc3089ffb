#include "merge/fused.hpp"

#include "merge/combiner.hpp"
#include "merge/convert_simd.hpp"
#include "merge/fused_strip.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <optional>
#include <variant>
#include <vector>

namespace dare::merge {
namespace {

std::size_t bytes_of(Dtype dtype) {
  return info(dtype).bits / 8;
}

double factor(const ModelTerm& term) {
  return term.rescale == Rescale::expected ? term.rate.expected_factor() : 1.0;
}

// What a delta is multiplied with: in a vote its own weight, in a sum the share of all.
double multiplier(const TensorSettings& settings, const ModelTerm& term) {
  if (settings.combiner == Combiner::ties) return term.weight * factor(term);
  return coefficient(settings, term, factor(term), normalizer(settings));
}

// A coefficient that is not finite in W makes NaN of a dropped element's 0.
template <class W>
bool finite_coefficients(const TensorSettings& settings) {
  const auto finite = [](double value) { return std::isfinite(static_cast<W>(value)); };
  return finite(settings.lambda) && std::all_of(settings.models.begin(), settings.models.end(), [&](const auto& term) {
           return finite(multiplier(settings, term)) && finite(factor(term)) && finite(term.weight);
         });
}

// The type that a strip's elements are merged in without conversions of their own, if all are stored alike.
std::optional<FusedLanes> direct_lanes(const TensorSettings& settings) {
  const auto dtype = settings.base_dtype;
  const auto alike = settings.out_dtype == dtype &&
                     std::all_of(settings.models.begin(), settings.models.end(), [&](const auto& model) { return model.dtype == dtype; });
  if (!alike) return std::nullopt;
  switch (dtype) {
    case Dtype::bf16:
      return FusedLanes::bf16;
    case Dtype::f16:
      return FusedLanes::f16;
    case Dtype::f32:
      return FusedLanes::f32_as_f64;
    case Dtype::f64:
      return FusedLanes::f64;
    default:
      return std::nullopt;
  }
}

// Draws that keep everything against a limit of 0, and drop everything against 1.
std::span<const std::uint16_t> no_draws() {
  static const std::array<std::uint16_t, random::DropStream::room_for(FusedMerge::k_strip)> zeros{};
  return zeros;
}

static_assert(FusedMerge::k_strip <= k_convert_strip);

StripResult merge_strip(Combiner combiner, const auto& strip) {
  return combiner == Combiner::ties ? elect_deltas(strip) : add_deltas(strip);
}

// The strips of one tensor in working type W.
template <class W>
class Strips {
 public:
  Strips(const TensorSettings& settings, FusedRoom& room, FusedRoom::Values<W>& values)
      : settings_{settings}, lanes_{direct_lanes(settings)}, shared_{room.shared}, terms_{values.terms}, staged_{values.staged} {
    const auto count = settings.models.size();
    constexpr auto k_room = random::DropStream::room_for(FusedMerge::k_strip);
    grow(room.draws, count * k_room);
    grow(terms_, count * k_terms + k_alignment);
    models_.resize(count);
    for (std::size_t k = 0; k < count; ++k) {
      const auto& term = settings.models[k];
      sources_.push_back({random::DropStream{settings.seed, term.stream, settings.name},
                          settings.sparsifier == Sparsifier::dare ? random::drop_threshold(term.rate.drop) : 0,
                          std::span{room.draws}.subspan(k * k_room, k_room)});
      models_[k].coefficient = static_cast<W>(multiplier(settings, term));
      models_[k].vote = static_cast<W>(factor(term));
      models_[k].weight = static_cast<W>(term.weight);
    }
    grow(staged_, (lanes_ ? 1 : count + 2) * FusedMerge::k_strip);
    strip_.lanes = lanes_.value_or(sizeof(W) == sizeof(float) ? FusedLanes::f32 : FusedLanes::f64);
    strip_.models = models_;
    strip_.lambda = static_cast<W>(settings.lambda);
    strip_.normalize = settings.normalize;
    strip_.weighted = settings.sign == Sign::weighted;
    // Kernels store whole vectors, aligned.
    const auto misaligned = reinterpret_cast<std::uintptr_t>(terms_.data()) / sizeof(W) % k_alignment;
    strip_.terms = terms_.data() + (k_alignment - misaligned) % k_alignment;
  }

  /// Elements [at, at + n) of the run that starts at element `first` of the tensor; false where they need the plain path.
  bool merge(std::uint64_t first, std::size_t at, std::size_t n, std::span<const std::byte> base,
             std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts) {
    strip_.n = n;
    draw(first + at, n);
    const auto* base_bytes = base.data() + at * bytes_of(settings_.base_dtype);
    auto* out_bytes = out.data() + at * bytes_of(settings_.out_dtype);
    const auto merged = merge_here(at, base_bytes, models, out_bytes);
    if (merged.plain) return false;
    counts.merged += n;
    counts.swallowed += merged.equal - merged.zeros;
    return true;
  }

 private:
  static constexpr std::size_t k_alignment = 64 / sizeof(W);

  template <class T>
  static void grow(std::vector<T>& values, std::size_t n) {
    if (values.size() < n) values.resize(n);
  }

  struct Source {
    random::DropStream stream;
    std::uint64_t threshold;
    std::span<std::uint16_t> draws;
  };

  void draw(std::uint64_t first, std::size_t n) {
    for (std::size_t k = 0; k < models_.size(); ++k) {
      const auto& source = sources_[k];
      if (source.threshold == 0 || source.threshold == random::k_drops_all) {
        models_[k].draws = no_draws().data();
        models_[k].limit = source.threshold == 0 ? 0 : 1;
      } else {
        const auto settled =
            shared_ ? source.stream.settled(first, shared_->high_halves(k, source.stream, first, n), source.threshold, source.draws)
                    : source.stream.settled(first, n, source.threshold, source.draws);
        models_[k].draws = settled.draws;
        models_[k].limit = settled.limit;
      }
    }
  }

  [[nodiscard]] W* staged(std::size_t i) { return staged_.data() + i * FusedMerge::k_strip; }

  StripResult merge_here(std::size_t at, const std::byte* base, std::span<const std::span<const std::byte>> models, std::byte* out) {
    const auto rounds_in_kernel = lanes_ && settings_.out_dtype == settings_.base_dtype;
    strip_.base = base;
    strip_.out = out;
    strip_.wide_out = rounds_in_kernel ? nullptr : staged(0);
    for (std::size_t k = 0; k < models_.size(); ++k) {
      const auto dtype = settings_.models[k].dtype;
      models_[k].tuned = models[k].data() + at * bytes_of(dtype);
      if (!lanes_) models_[k].tuned = widened(dtype, models_[k].tuned, k + 2);
    }
    if (!lanes_) strip_.base = widened(settings_.base_dtype, base, 1);
    auto result = merge_strip(settings_.combiner, strip_);
    if (!result.plain && !rounds_in_kernel) round(base, out, result);
    return result;
  }

  // Types that differ pass through strips of W.
  const std::byte* widened(Dtype from, const std::byte* in, std::size_t i) {
    widen_strip(from, in, strip_.n, staged(i));
    return reinterpret_cast<const std::byte*>(staged(i));
  }

  void round(const std::byte* base, std::byte* out, StripResult& result) {
    const auto to = settings_.out_dtype;
    alignas(64) std::array<std::byte, FusedMerge::k_strip * sizeof(double)> own;
    const auto* own_bytes = base;  // the base's values in the output's type
    if (settings_.base_dtype != to) {
      if (!convert_strip(settings_.base_dtype, base, strip_.n, to, own.data())) result.plain = true;
      own_bytes = own.data();
    }
    if (!narrow_strip(staged(0), strip_.n, to, out)) result.plain = true;
    result.equal = count_equal(bytes_of(to), out, own_bytes, strip_.n);
  }

  const TensorSettings& settings_;
  std::optional<FusedLanes> lanes_;
  std::vector<Source> sources_;
  std::vector<FusedModel<W>> models_;
  std::optional<DrawCache>& shared_;
  std::vector<W>& terms_;
  std::vector<W>& staged_;  // result, base, models
  FusedStrip<W> strip_;
};

}  // namespace

class FusedMerge::Impl {
 public:
  Impl(const TensorSettings& settings, FusedRoom& room) : settings_{settings} {
    if (works_in_float64(settings)) {
      strips_.emplace<Strips<double>>(settings, room, room.wide);
    } else {
      strips_.emplace<Strips<float>>(settings, room, room.narrow);
    }
  }

  std::size_t run(std::uint64_t first, std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                  std::span<std::byte> out, Counts& counts) {
    const auto n = present(base, models, out);
    std::size_t at = 0;
    while (at < n) {
      // Strips end at multiples of their size: whole blocks of draws, but for the first.
      const auto count = std::min(n - at, k_strip - static_cast<std::size_t>((first + at) % k_strip));
      const auto done = std::visit(
          [&](auto& strips) {
            if constexpr (std::is_same_v<std::decay_t<decltype(strips)>, std::monostate>) {
              return false;
            } else {
              return strips.merge(first, at, count, base, models, out, counts);
            }
          },
          strips_);
      if (!done) break;
      at += count;
    }
    return at;
  }

 private:
  // Leading elements that all inputs have.
  [[nodiscard]] std::size_t present(std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                                    std::span<std::byte> out) const {
    auto n = std::min(out.size() / bytes_of(settings_.out_dtype), base.size() / bytes_of(settings_.base_dtype));
    for (std::size_t k = 0; k < models.size(); ++k) n = std::min(n, models[k].size() / bytes_of(settings_.models[k].dtype));
    return n;
  }

  const TensorSettings& settings_;
  std::variant<std::monostate, Strips<float>, Strips<double>> strips_;
};

bool fused_applies(const TensorSettings& settings) {
  const auto known = [](const ModelTerm& term) {
    return term.source == Source::tuned && is_floating(term.dtype) && term.rescale != Rescale::l1;
  };
  return settings.has_base && is_floating(settings.base_dtype) && is_floating(settings.out_dtype) && !settings.models.empty() &&
         std::all_of(settings.models.begin(), settings.models.end(), known) &&
         (settings.sparsifier == Sparsifier::none || settings.sparsifier == Sparsifier::dare) &&
         (settings.combiner == Combiner::task_arithmetic || settings.combiner == Combiner::ties) &&
         settings.rounding == Rounding::nearest && settings.compat == Compat::none &&
         (works_in_float64(settings) ? finite_coefficients<double>(settings) : finite_coefficients<float>(settings));
}

FusedMerge::FusedMerge(const TensorSettings& settings, FusedRoom& room) : impl_{std::make_unique<Impl>(settings, room)} {}
FusedMerge::~FusedMerge() = default;

std::size_t FusedMerge::run(std::uint64_t first, std::span<const std::byte> base, std::span<const std::span<const std::byte>> models,
                            std::span<std::byte> out, Counts& counts) {
  return impl_->run(first, base, models, out, counts);
}

}  // namespace dare::merge
