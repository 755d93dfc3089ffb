#include <dare/merge/measure.hpp>

#include "merge/combiner.hpp"
#include "merge/measure_strip.hpp"
#include "merge/strip.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>

namespace dare::merge {
namespace {

// What a caller gave.
struct Part {
  const Run& run;
  std::span<const std::span<Measures>> blocks;
  std::span<std::optional<Finding>> findings;
  TensorMeasurer::Scratch& scratch;
  [[nodiscard]] std::size_t block(std::uint64_t element) const { return element / k_sum_block - run.wanted.first / k_sum_block; }
};

using DrawnArray = ChunkArray<std::int32_t>;

// Above every last_dropped of a threshold that drops anything.
const DrawnArray& all_kept() {
  static const DrawnArray drawn = [] {
    DrawnArray all{};
    all.fill(std::numeric_limits<std::int32_t>::max());
    return all;
  }();
  return drawn;
}

// @pre threshold > 0
std::int32_t last_dropped(std::uint64_t threshold) {
  return as_drawn(static_cast<std::uint32_t>(threshold - 1));
}

// The position of a threshold among sums that differ in it.
template <class Sums>
std::size_t place_of(std::vector<Sums>& all, std::uint64_t threshold) {
  const auto last = last_dropped(threshold);
  const auto found = std::find_if(all.begin(), all.end(), [&](const Sums& one) { return one.last_dropped == last; });
  if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
  all.emplace_back().last_dropped = last;
  return all.size() - 1;
}

// One model's draws in one stream, and what each threshold keeps.
struct StreamModel {
  random::DropStream stream;
  std::vector<KeptSums> kept;       // by threshold
  std::vector<std::uint16_t> ties;  // high halves of thresholds that low halves decide about, each once
  bool draws = false;
  alignas(64) DrawnArray drawn{};
};

struct Setting {
  std::size_t number = 0;  // of the caller
  std::vector<std::uint64_t> thresholds;
  std::vector<std::size_t> kept;  // by model, place among the stream's
  std::vector<double> off;        // by model, (g - 1)^2
  std::vector<SettingModel> models;
  std::vector<double> largest;           // by model, magnitude of a coefficient
  std::size_t whole = 0;                 // place among the undropped
  std::optional<std::size_t> conflicts;  // place among the stream's, where one threshold above 0 is that of all models
  std::uint64_t own_conflicts = 0;       // else
  bool one_threshold = false;            // of all models
  SettingSums sums;
};

// Settings that the kernel takes together.
struct Batch {
  std::size_t whole = 0;  // place among the undropped
  std::vector<SettingPart> parts;
  [[nodiscard]] bool takes(const Setting& setting) const {
    const auto same = [](const SettingModel& a, const SettingModel& b) { return a.delta == b.delta && a.drawn == b.drawn; };
    return whole == setting.whole && std::equal(setting.models.begin(), setting.models.end(), parts.front().models.begin(), same);
  }
};

// Sums of a strip that are the same for all settings.
struct StripTotals {
  std::uint64_t elements = 0;
  std::vector<double> models;  // squares of each one's deltas
  std::vector<double> wholes;  // u^2 of each of the undropped
};

// Settings that draw from the same streams: points of a sweep over drop rates. Masks nest, so that they share the draws.
class StreamGroup {
 public:
  StreamGroup(std::vector<random::DropStream> streams, std::span<const ChunkModel> chunk) : models_(streams.size()) {
    for (std::size_t k = 0; k < streams.size(); ++k) {
      models_[k] = std::make_unique<StreamModel>(StreamModel{streams[k], {}, {}, false, {}});
      streams_.push_back({chunk[k].delta.data(), models_[k]->drawn.data(), 0, 0});
    }
  }

  [[nodiscard]] bool has(const std::vector<random::DropStream>& streams) const {
    return std::equal(models_.begin(), models_.end(), streams.begin(), streams.end(),
                      [](const auto& model, const auto& stream) { return model->stream.key64() == stream.key64(); });
  }

  // @param setting  all but its places and pointers
  void add(Setting setting, std::span<const ChunkModel> chunk) {
    setting.kept.resize(models_.size());
    for (std::size_t k = 0; k < models_.size(); ++k) {
      auto& model = *models_[k];
      auto& own = setting.models[k];
      const auto threshold = setting.thresholds[k];
      own.delta = chunk[k].delta.data();
      own.drawn = threshold == 0 ? all_kept().data() : model.drawn.data();
      if (threshold == 0) continue;
      own.last_dropped = last_dropped(threshold);
      setting.kept[k] = place_of(model.kept, threshold);
      model.draws = model.draws || threshold != random::k_drops_all;
      const auto tie = static_cast<std::uint16_t>(threshold >> 16U);
      const bool decides = threshold != random::k_drops_all && (threshold & 0xFFFFU) != 0;
      if (decides && std::find(model.ties.begin(), model.ties.end(), tie) == model.ties.end()) model.ties.push_back(tie);
    }
    const auto& thresholds = setting.thresholds;
    setting.one_threshold = std::adjacent_find(thresholds.begin(), thresholds.end(), std::not_equal_to<>{}) == thresholds.end();
    if (setting.one_threshold && setting.thresholds.front() != 0) setting.conflicts = place_of(conflicts_, setting.thresholds.front());
    auto& added = settings_.emplace_back(std::move(setting));
    auto batch = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& one) { return one.takes(added); });
    if (batch == batches_.end()) batch = batches_.insert(batch, {added.whole, {}});
    batch->parts.push_back({added.models, &added.sums});
  }

  [[nodiscard]] const std::deque<Setting>& settings() const noexcept { return settings_; }

  void begin_strip() {
    for (auto& model : models_) {
      for (auto& kept : model->kept) {
        kept.squares.values.fill(0);
        kept.count = 0;
      }
    }
    for (auto& one : conflicts_) one.count = 0;
    any_conflicts_ = 0;
    for (auto& setting : settings_) {
      setting.sums = {};
      setting.own_conflicts = 0;
    }
  }

  // A chunk whose first element is `first`.
  void measure(std::uint64_t first, std::size_t n, const ChunkBase& base, std::span<const ChunkModel> models,
               std::span<const std::unique_ptr<ChunkWhole>> wholes) {
    for (auto& model : models_) draw(first, n, *model);
    for (std::size_t k = 0; k < models.size(); ++k) add_kept(models[k], models_[k]->drawn.data(), n, models_[k]->kept);
    if (models.size() > 1) add_conflicts(n);
    for (const auto& batch : batches_) add_settings(base, batch.parts, *wholes[batch.whole], n);
  }

  // Adds a strip's sums to those of a setting.
  void add_to(Measures& of, const Setting& setting, const StripTotals& totals) const {
    for (std::size_t k = 0; k < models_.size(); ++k) {
      const auto total = totals.models[k];
      const bool all = setting.thresholds[k] == 0;
      const auto* kept = all ? nullptr : &models_[k]->kept[setting.kept[k]];
      const auto squares = all ? total : kept->squares.total();
      of.delta += total;
      of.error += setting.off[k] * squares + (total - squares);
      of.kept += all ? totals.elements : kept->count;
    }
    of.product += setting.sums.product.total();
    of.merged += setting.sums.merged.total();
    of.undropped += totals.wholes[setting.whole];
    of.deltas += totals.elements * models_.size();
    of.conflicts += conflicts_of(setting);
    of.counts.merged += totals.elements;
    of.counts.swallowed += setting.sums.lost;
  }

 private:
  [[nodiscard]] std::uint64_t conflicts_of(const Setting& setting) const {
    if (setting.conflicts) return conflicts_[*setting.conflicts].count;
    return setting.one_threshold ? any_conflicts_ : setting.own_conflicts;
  }

  // Uniforms' high halves; the low ones only where a threshold needs them.
  void draw(std::uint64_t first, std::size_t n, StreamModel& model) {
    if (!model.draws) return;
    const auto draws = model.stream.high_halves(first, n, room_);
    spread_draws(draws.data(), n, model.drawn.data());
    if (model.ties.empty()) return;
    const auto found = find_ties(draws.data(), n, model.ties, ties_.data());
    for (std::size_t t = 0; t < found; ++t) {
      const auto i = ties_[t];
      model.drawn[i] = as_drawn((std::uint32_t{draws[i]} << 16U) | model.stream.refinement(first + i));
    }
  }

  void add_conflicts(std::size_t n) {
    any_conflicts_ += find_conflicts(streams_, n, conflicting_.data());
    count_conflicts(conflicting_.data(), n, conflicts_);
    for (auto& setting : settings_) {
      if (!setting.one_threshold) setting.own_conflicts += count_conflicts(setting.models, n);
    }
  }

  std::vector<std::unique_ptr<StreamModel>> models_;
  std::vector<SettingModel> streams_;  // what all settings share of each model
  std::deque<Setting> settings_;       // stay where they are
  std::vector<Batch> batches_;
  std::vector<ConflictSums> conflicts_;  // by threshold
  std::uint64_t any_conflicts_ = 0;      // with nothing dropped
  alignas(64) DrawnArray conflicting_{};
  alignas(64) std::array<std::uint16_t, random::DropStream::room_for(k_measure_chunk)> room_{};
  ChunkArray<std::uint16_t> ties_{};
};

}  // namespace

class SharedMeasurer::Impl {
 public:
  explicit Impl(std::vector<const TensorMeasurer*> measurers) : measurers_{std::move(measurers)}, chunk_(settings(0).models.size()) {
    assert(std::all_of(measurers_.begin(), measurers_.end(), [](const auto* one) { return can_share(one->settings()); }));
    for (std::size_t s = 0; s < measurers_.size(); ++s) add_setting_of(s);
    magnitudes_.resize(chunk_.size());
  }

  void measure(const Part& part) {
    const auto& wanted = part.run.wanted;
    for (auto first = wanted.first; first < wanted.end();) {
      const Extent strip{first, std::min(wanted.end(), (first / k_strip + 1) * k_strip) - first};
      measure_strip(part, strip);
      first = strip.end();
    }
  }

 private:
  static constexpr double k_fits = 3e38;  // bfloat16's largest is 3.39e38

  [[nodiscard]] const TensorSettings& settings(std::size_t s) const { return measurers_[s]->settings(); }

  void add_setting_of(std::size_t s) {
    const auto& of = settings(s);
    double n = 1;
    if (of.normalize) {
      n = 0;
      for (const auto& term : of.models) n += term.weight;
    }
    Setting setting;
    setting.number = s;
    std::vector<random::DropStream> streams;
    std::vector<float> whole;
    for (std::size_t k = 0; k < of.models.size(); ++k) {
      const auto& term = of.models[k];
      const auto g = rescale_factor(measurers_[s]->statistics(), term, k);
      const auto scaled = of.lambda * term.weight;
      const auto coefficient = static_cast<float>((scaled * g) / n);
      whole.push_back(static_cast<float>((scaled * 1.0) / n));
      setting.models.push_back({nullptr, nullptr, coefficient, 0});
      setting.largest.push_back(std::max({1.0, std::abs(double{coefficient}), std::abs(double{whole.back()})}));
      const auto off = static_cast<double>(static_cast<float>(g)) - 1;
      setting.off.push_back(off * off);
      setting.thresholds.push_back(of.sparsifier == Sparsifier::dare ? random::drop_threshold(term.rate.drop) : 0);
      streams.emplace_back(of.seed, term.stream, of.name);
    }
    setting.whole = place_of_whole(std::move(whole));
    auto group = std::find_if(groups_.begin(), groups_.end(), [&](const auto& one) { return one->has(streams); });
    if (group == groups_.end()) group = groups_.insert(group, std::make_unique<StreamGroup>(std::move(streams), chunk_));
    (*group)->add(std::move(setting), chunk_);
  }

  std::size_t place_of_whole(std::vector<float> coefficients) {
    const auto same = [&](const auto& one) {
      return std::equal(coefficients.begin(), coefficients.end(), one->coefficients.begin(), same_bits<float>);
    };
    const auto found = std::find_if(wholes_.begin(), wholes_.end(), same);
    if (found != wholes_.end()) return static_cast<std::size_t>(found - wholes_.begin());
    wholes_.push_back(std::make_unique<ChunkWhole>());
    wholes_.back()->coefficients = std::move(coefficients);
    return wholes_.size() - 1;
  }

  void measure_strip(const Part& part, Extent strip) {
    const bool vectors = takes(part.run, strip);
    if (vectors) add_strip(part.run, strip);
    for (auto& group : groups_) {
      for (const auto& setting : group->settings()) {
        if (!vectors || !(bound(setting) < k_fits)) alone(part, setting.number, strip);
        else group->add_to(part.blocks[setting.number][part.block(strip.first)], setting, totals_);
      }
    }
  }

  // Whether the kernels can work on the strip: whole vectors, all models present. Whether its values allow it bound() says.
  bool takes(const Run& run, Extent strip) {
    const auto& any = settings(0);
    const auto there = [&](const ModelTerm& term) { return strip.end() <= term.elements; };
    if (strip.elements % k_measure_step != 0 || strip.end() > any.base_elements ||
        !std::all_of(any.models.begin(), any.models.end(), there))
      return false;
    const auto largest = [&](std::span<const std::byte> bytes) {
      return largest_magnitude(part_of(run, bytes, Dtype::bf16, strip.first, strip.elements).data(), strip.elements);
    };
    base_magnitude_ = largest(run.base);
    for (std::size_t k = 0; k < chunk_.size(); ++k) magnitudes_[k] = largest(run.models[k]);
    return true;
  }

  // No result of the setting in this strip, and no sum on the way to one, is larger.
  [[nodiscard]] double bound(const Setting& setting) const {
    double bound = base_magnitude_;
    for (std::size_t k = 0; k < chunk_.size(); ++k) bound += setting.largest[k] * (magnitudes_[k] + base_magnitude_);
    return bound;
  }

  void add_strip(const Run& run, Extent strip) {
    for (auto& model : chunk_) model.total = {};
    for (auto& whole : wholes_) whole->squares = {};
    for (auto& group : groups_) group->begin_strip();
    for (auto first = strip.first; first < strip.end(); first += k_measure_chunk) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(k_measure_chunk, strip.end() - first));
      widen_base(part_of(run, run.base, Dtype::bf16, first, n).data(), n, base_);
      for (std::size_t k = 0; k < chunk_.size(); ++k)
        widen_model(part_of(run, run.models[k], Dtype::bf16, first, n).data(), n, base_, chunk_[k]);
      for (auto& whole : wholes_) add_whole(base_, chunk_, n, *whole);
      for (auto& group : groups_) group->measure(first, n, base_, chunk_, wholes_);
    }
    totals_.elements = strip.elements;
    totals_.models.clear();
    for (const auto& model : chunk_) totals_.models.push_back(model.total.total());
    totals_.wholes.clear();
    for (const auto& whole : wholes_) totals_.wholes.push_back(whole->squares.total());
  }

  // One setting by itself: what the kernels leave.
  void alone(const Part& part, std::size_t s, Extent strip) {
    if (part.findings[s]) return;
    std::vector<std::span<const std::byte>> spans(part.run.models.size());
    const auto run = part_of_run(settings(s), part.run, strip, spans);
    part.findings[s] = measurers_[s]->measure(run, part.blocks[s].subspan(part.block(strip.first)), part.scratch);
  }

  std::vector<const TensorMeasurer*> measurers_;
  ChunkBase base_;
  std::vector<ChunkModel> chunk_;
  std::vector<std::unique_ptr<ChunkWhole>> wholes_;
  std::vector<std::unique_ptr<StreamGroup>> groups_;
  StripTotals totals_;
  double base_magnitude_ = 0;       // of a strip
  std::vector<double> magnitudes_;  // likewise, by model
};

bool SharedMeasurer::can_share(const TensorSettings& settings) noexcept {
  const auto plain = [](const ModelTerm& term) {
    return term.dtype == Dtype::bf16 && term.source == Source::tuned && term.rescale != Rescale::l1;
  };
  return settings.combiner == Combiner::task_arithmetic && !settings.models.empty() &&
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
