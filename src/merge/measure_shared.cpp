#include <dare/merge/measure.hpp>

#include "merge/combiner.hpp"
#include "merge/measure_strip.hpp"
#include "merge/stream_group.hpp"
#include "merge/strip.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
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
    const auto n = normalizer(of);
    StreamSetting setting;
    setting.number = s;
    std::vector<random::DropStream> streams;
    std::vector<float> whole;
    for (std::size_t k = 0; k < of.models.size(); ++k) {
      const auto& term = of.models[k];
      const auto g = rescale_factor(measurers_[s]->statistics(), term, k);
      const auto c = static_cast<float>(coefficient(of, term, g, n));
      whole.push_back(static_cast<float>(coefficient(of, term, 1, n)));
      setting.models.push_back({nullptr, nullptr, c, 0});
      setting.largest.push_back(std::max({1.0, std::abs(double{c}), std::abs(double{whole.back()})}));
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
        if (part.findings[setting.number]) continue;
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
  [[nodiscard]] double bound(const StreamSetting& setting) const {
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
