#include <dare/merge/measure.hpp>

#include "merge/combiner.hpp"
#include "merge/measure_strip.hpp"
#include "merge/strip.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace dare::merge {
namespace {

constexpr std::size_t k_chunk = 256;  // elements whose lanes' inputs stay in the first-level cache

// What a caller gave.
struct Part {
  const Run& run;
  std::span<const std::span<Measures>> blocks;
  std::span<std::optional<Finding>> findings;
  TensorMeasurer::Scratch& scratch;
  [[nodiscard]] Measures& sums(std::size_t setting, std::uint64_t element) const {
    return blocks[setting][element / k_sum_block - run.wanted.first / k_sum_block];
  }
};

// Some elements of a strip.
struct Chunk {
  const Strip<float>& strip;
  std::size_t at = 0;  // in the strip
  std::size_t size = 0;
  [[nodiscard]] std::uint64_t first() const noexcept { return strip.first + at; }
  [[nodiscard]] std::span<const float> base() const { return std::span<const float>{strip.base}.subspan(at, size); }
  [[nodiscard]] std::span<const float> delta(std::size_t k) const {
    return std::span<const float>{strip.models[k].delta}.subspan(at, size);
  }
};

// Draws of one model's chunk before they are settled for a rate.
struct RawDraws {
  std::uint64_t first = k_all_elements;
  std::size_t size = 0;
  std::uint64_t key64 = 0;  // of the stream; the tensor's name is the same for all
  std::array<std::uint16_t, k_chunk> draws;
};

// What all groups take of a chunk.
struct SharedChunk {
  explicit SharedChunk(std::size_t models) : raw(models), squares(models) {}
  std::vector<RawDraws> raw;                         // by model
  std::vector<std::array<double, k_chunk>> squares;  // likewise: of the deltas
  std::array<double, k_chunk> delta{};               // summed over the models
  std::array<std::uint32_t, k_chunk> lowest{};
  std::array<std::uint32_t, k_chunk> width{};
};

// Of a strip's values.
struct Magnitudes {
  double base = 0;
  std::vector<double> models;
};

// One setting's draws of one model.
struct ModelDraws {
  random::DropStream stream;
  std::uint64_t threshold;
};

// Up to eight settings, which are the lanes of the kernels' vectors.
class Group {
 public:
  Group(std::span<const TensorMeasurer* const> measurers, std::size_t first)
      : measurers_{measurers.begin(), measurers.end()}, first_{first} {
    models_.resize(measurers_.front()->settings().models.size());
    for (std::size_t s = 0; s < measurers_.size(); ++s) add_setting(s);
  }

  // The largest magnitude that a result, or a sum on the way to it, can have.
  [[nodiscard]] double bound(const Magnitudes& magnitudes) const {
    double bound = magnitudes.base;
    for (std::size_t k = 0; k < models_.size(); ++k) bound += largest_[k] * (magnitudes.models[k] + magnitudes.base);
    return bound;
  }

  void measure(const Chunk& chunk, SharedChunk& shared, const Part& part) {
    Lanes<std::uint64_t> kept{};
    for (std::size_t k = 0; k < models_.size(); ++k) {
      models_[k].lanes.delta = chunk.delta(k).data();
      models_[k].lanes.squares = shared.squares[k].data();
      models_[k].lanes.kept = models_[k].kept.data();
      mark(chunk, k, shared.raw[k], kept);
    }
    lanes_.clear();
    for (const auto& model : models_) lanes_.push_back(model.lanes);
    LaneChunk lanes{chunk.size, chunk.base().data(), lanes_, shared.delta.data(), shared.lowest.data(), shared.width.data(), nullptr};
    if (one_whole()) {
      add_whole(lanes, undropped_.data());
      lanes.undropped = undropped_.data();
    }
    auto sums = sums_before(chunk, part);
    add_chunk(lanes, sums, bits_.data());
    Lanes<std::uint64_t> lost{};
    count_bits(bits_.data(), chunk.size, lost);
    Lanes<std::uint64_t> conflicts{};
    if (lanes_.size() > 1) {
      mark_conflicts(lanes, bits_.data());
      count_bits(bits_.data(), chunk.size, conflicts);
    }
    for (std::size_t s = 0; s < measurers_.size(); ++s) {
      auto& of = part.sums(first_ + s, chunk.first());
      of.product = sums.product[s];
      of.merged = sums.merged[s];
      of.error = sums.error[s];
      of.undropped = sums.undropped[s];
      of.delta = sums.delta;
      of.deltas += chunk.size * models_.size();
      of.kept += kept[s];
      of.conflicts += conflicts[s];
      of.counts.merged += chunk.size;
      of.counts.swallowed += lost[s];
    }
  }

  // Each setting by itself: what the kernels leave.
  void alone(Extent extent, const Part& part) {
    std::vector<std::span<const std::byte>> spans(part.run.models.size());
    for (std::size_t s = 0; s < measurers_.size(); ++s) {
      if (part.findings[first_ + s]) continue;
      const auto run = part_of_run(measurers_[s]->settings(), part.run, extent, spans);
      const auto block = extent.first / k_sum_block - part.run.wanted.first / k_sum_block;
      part.findings[first_ + s] = measurers_[s]->measure(run, part.blocks[first_ + s].subspan(block), part.scratch);
    }
  }

 private:
  struct Model {
    LaneModel lanes;
    std::vector<ModelDraws> rates;  // by setting
    std::array<std::uint16_t, k_chunk> kept{};
  };

  void add_setting(std::size_t s) {
    const auto& settings = measurers_[s]->settings();
    double n = 1;
    if (settings.normalize) {
      n = 0;
      for (const auto& term : settings.models) n += term.weight;
    }
    largest_.resize(models_.size(), 1);  // no less than a delta alone
    for (std::size_t k = 0; k < models_.size(); ++k) {
      const auto& term = settings.models[k];
      const auto g = rescale_factor(measurers_[s]->statistics(), term, k);
      const auto scaled = settings.lambda * term.weight;
      auto& lanes = models_[k].lanes;
      lanes.coefficient[s] = static_cast<float>((scaled * g) / n);
      lanes.whole[s] = static_cast<float>((scaled * 1.0) / n);
      for (const auto c : {lanes.coefficient[s], lanes.whole[s]}) largest_[k] = std::max(largest_[k], std::abs(static_cast<double>(c)));
      const auto off = static_cast<double>(static_cast<float>(g)) - 1;
      lanes.error[s] = off * off;
      models_[k].rates.push_back({random::DropStream{settings.seed, term.stream, settings.name},
                                  settings.sparsifier == Sparsifier::dare ? random::drop_threshold(term.rate.drop) : 0});
    }
  }

  // Draws are made once for all settings that follow each other with the same seed and stream.
  void mark(const Chunk& chunk, std::size_t k, RawDraws& raw, Lanes<std::uint64_t>& kept) {
    auto& model = models_[k];
    std::fill_n(model.kept.begin(), chunk.size, std::uint16_t{0});
    for (std::size_t s = 0; s < measurers_.size();) {
      marks_.clear();
      const auto& stream = model.rates[s].stream;
      const auto first = s;
      bool draws = false;
      for (; s < measurers_.size() && model.rates[s].stream.key64() == stream.key64(); ++s) {
        const auto threshold = model.rates[s].threshold;
        // Nothing is kept at a rate of 1: as good as no mark. Its limit has no place in 16 bits.
        marks_.push_back({static_cast<std::uint16_t>(threshold >> 16U),
                          threshold == random::k_drops_all ? std::uint16_t{0} : static_cast<std::uint16_t>(1U << s)});
        draws = draws || (threshold != 0 && threshold != random::k_drops_all);
      }
      if (draws) draw(chunk, stream, raw);
      mark_kept(std::span{raw.draws}.first(chunk.size), marks_, model.kept.data());
      for (std::size_t of = first; of < s; ++of) settle(chunk, marks_[of - first], model.rates[of], raw, {model.kept, kept[of]});
    }
  }

  static void draw(const Chunk& chunk, const random::DropStream& stream, RawDraws& raw) {
    if (raw.first == chunk.first() && raw.size == chunk.size && raw.key64 == stream.key64()) return;
    raw.first = chunk.first();
    raw.size = chunk.size;
    raw.key64 = stream.key64();
    stream.high_halves(chunk.first(), std::span{raw.draws}.first(chunk.size));
  }

  // Where draw and limit tie, the draws' low halves decide.
  struct Kept {
    std::array<std::uint16_t, k_chunk>& bits;
    std::uint64_t& count;
  };
  static void settle(const Chunk& chunk, const Mark& mark, const ModelDraws& rate, const RawDraws& raw, Kept kept) {
    if (rate.threshold == random::k_drops_all) return;
    kept.count += mark.kept;
    const auto rest = rate.threshold & 0xFFFFU;
    if (!mark.tie || rest == 0) return;
    for (std::size_t i = 0; i < chunk.size; ++i) {
      if (raw.draws[i] != mark.limit || rate.stream.refinement(chunk.first() + i) >= rest) continue;
      kept.bits[i] = static_cast<std::uint16_t>(kept.bits[i] & ~mark.bit);
      --kept.count;
    }
  }

  // Whether the settings differ only in what is dropped: points of a sweep over drop rates or seeds.
  [[nodiscard]] bool one_whole() const {
    return std::all_of(models_.begin(), models_.end(), [&](const auto& model) {
      const auto& whole = model.lanes.whole;
      return std::all_of(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(measurers_.size()),
                         [&](float c) { return same_bits(c, whole[0]); });
    });
  }

  [[nodiscard]] LaneSums sums_before(const Chunk& chunk, const Part& part) const {
    LaneSums sums;
    for (std::size_t s = 0; s < measurers_.size(); ++s) {
      const auto& of = part.sums(first_ + s, chunk.first());
      sums.product[s] = of.product;
      sums.merged[s] = of.merged;
      sums.error[s] = of.error;
      sums.undropped[s] = of.undropped;
      if (!part.findings[first_ + s]) sums.delta = of.delta;  // the same for all
    }
    return sums;
  }

  std::vector<const TensorMeasurer*> measurers_;
  std::size_t first_;  // position of the group's first setting
  std::vector<Model> models_;
  std::vector<LaneModel> lanes_;
  std::vector<double> largest_;  // by model: magnitude of a coefficient
  std::vector<Mark> marks_;      // of the settings at hand
  std::array<std::uint16_t, k_chunk> bits_{};
  std::array<double, k_chunk> undropped_{};
};

}  // namespace

class SharedMeasurer::Impl {
 public:
  explicit Impl(std::vector<const TensorMeasurer*> measurers) : measurers_{std::move(measurers)} {
    const std::span<const TensorMeasurer* const> all{measurers_};
    assert(std::all_of(all.begin(), all.end(), [](const auto* one) { return can_share(one->settings()); }));
    for (std::size_t first = 0; first < all.size(); first += k_lanes)
      groups_.emplace_back(all.subspan(first, std::min(k_lanes, all.size() - first)), first);
    magnitudes_.models.resize(settings().models.size());
  }

  void measure(const Part& part) {
    StripReader<float> reader{settings(), measurers_.front()->statistics(), part.run, buffers_};
    while (reader.next()) {
      const auto& strip = reader.strip();
      const bool vectors = takes(strip);
      for (auto& group : groups_) {
        if (!vectors || !(group.bound(magnitudes_) < k_fits)) group.alone({strip.first, strip.size}, part);
      }
      for (std::size_t at = 0; vectors && at < strip.size; at += k_chunk) {
        const Chunk chunk{strip, at, std::min(k_chunk, strip.size - at)};
        prepare(chunk);
        for (auto& group : groups_) {
          if (group.bound(magnitudes_) < k_fits) group.measure(chunk, shared_, part);
        }
      }
    }
  }

 private:
  static constexpr double k_fits = 3e38;  // bfloat16's largest is 3.39e38

  [[nodiscard]] const TensorSettings& settings() const { return measurers_.front()->settings(); }

  // Whether the kernels can work on the strip: whole vectors, all models present. Whether its values allow it bound() says.
  bool takes(const Strip<float>& strip) {
    if (strip.size % k_measure_step != 0 || strip.models.size() != settings().models.size() || strip.first >= settings().base_elements)
      return false;
    magnitudes_.base = largest_magnitude(strip.base);
    for (std::size_t k = 0; k < strip.models.size(); ++k) magnitudes_.models[k] = largest_magnitude(strip.models[k].tuned);
    return true;
  }

  void prepare(const Chunk& chunk) {
    round_to_base(chunk.base(), shared_.lowest.data(), shared_.width.data());
    std::fill_n(shared_.delta.begin(), chunk.size, 0.0);
    for (std::size_t k = 0; k < shared_.squares.size(); ++k) square(chunk.delta(k), shared_.squares[k].data(), shared_.delta.data());
  }

  std::vector<const TensorMeasurer*> measurers_;
  std::vector<Group> groups_;
  StripBuffers<float> buffers_;
  SharedChunk shared_{settings().models.size()};
  Magnitudes magnitudes_;
};

bool SharedMeasurer::can_share(const TensorSettings& settings) noexcept {
  const auto plain = [](const ModelTerm& term) {
    return term.dtype == Dtype::bf16 && term.source == Source::tuned && term.rescale != Rescale::l1;
  };
  return settings.combiner == Combiner::task_arithmetic &&
         (settings.sparsifier == Sparsifier::dare || settings.sparsifier == Sparsifier::none) && settings.compat == Compat::none &&
         settings.rounding == Rounding::nearest && settings.has_base && settings.base_dtype == Dtype::bf16 &&
         settings.out_dtype == Dtype::bf16 && std::all_of(settings.models.begin(), settings.models.end(), plain);
}

SharedMeasurer::SharedMeasurer(std::vector<const TensorMeasurer*> measurers) : impl_{std::make_unique<Impl>(std::move(measurers))} {}
SharedMeasurer::~SharedMeasurer() = default;
SharedMeasurer::SharedMeasurer(SharedMeasurer&&) noexcept = default;
SharedMeasurer& SharedMeasurer::operator=(SharedMeasurer&&) noexcept = default;

void SharedMeasurer::measure(const Run& run, std::span<const std::span<Measures>> blocks, std::span<std::optional<Finding>> findings,
                             TensorMeasurer::Scratch& scratch) {
  impl_->measure({run, blocks, findings, scratch});
}

}  // namespace dare::merge
