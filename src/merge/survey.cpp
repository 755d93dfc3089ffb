#include "merge/combiner.hpp"
#include "merge/needs.hpp"
#include "merge/tensor_survey.hpp"

#include <dare/merge/statistics.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace dare::merge {
namespace {

// Tensors that go through the selections together; then each has its sums.
struct Unit {
  explicit Unit(std::vector<SettingsOfTensor> tensors) : selections{std::move(tensors)} {}

  std::size_t first = 0;  // position of its first tensor
  SelectionStage selections;
  std::vector<std::vector<SumStage>> sums;  // by tensor and setting
  enum class Phase : std::uint8_t { select, sum, done } phase = Phase::select;

  [[nodiscard]] std::size_t size() const {
    if (phase == Phase::select) return selections.size();
    std::size_t size = 0;
    for (const auto& tensor : sums) {
      for (const auto& sum : tensor) size += phase == Phase::sum ? sum.size() : 0;
    }
    return size;
  }
};

std::vector<SettingsOfTensor> one_of_each(const std::vector<const TensorSettings*>& tensors) {
  std::vector<SettingsOfTensor> all;
  for (const auto* settings : tensors) all.push_back({settings});
  return all;
}

bool any_needed(const std::vector<SumStage>& sums) {
  return std::any_of(sums.begin(), sums.end(), [](const auto& sum) { return sum.needed(); });
}

// The settings with what no survey looks at as it is by default.
TensorSettings seen_by_surveys(TensorSettings settings) {
  const TensorSettings other;
  settings.out_dtype = other.out_dtype;
  settings.nonfinite = other.nonfinite;
  settings.overflow = other.overflow;
  settings.rounding = other.rounding;
  if (tensor_sums(settings) != 0) return settings;
  settings.lambda = other.lambda;
  settings.normalize = other.normalize;
  settings.sign = other.sign;
  for (auto& term : settings.models) term.weight = 1;
  if (rescales_by_l1(settings)) return settings;
  settings.seed = other.seed;
  for (auto& term : settings.models) {
    term.stream = 0;
    term.rescale = Rescale::none;
    term.first_draw = 0;
  }
  return settings;
}

// What says which elements a strip has, and their deltas.
TensorSettings seen_by_strips(const TensorSettings& settings) {
  auto seen = seen_by_surveys(settings);
  const TensorSettings other;
  seen.lambda = other.lambda;
  seen.normalize = other.normalize;
  seen.sign = other.sign;
  seen.seed = other.seed;
  seen.t = other.t;
  seen.select_topk = other.select_topk;
  seen.max_iterations = other.max_iterations;
  seen.tolerance = other.tolerance;
  for (auto& term : seen.models) {
    const auto whole = std::exchange(term, {});
    term.model = whole.model;
    term.dtype = whole.dtype;
    term.source = whole.source;
    term.elements = whole.elements;
  }
  return seen;
}

struct SurveyScratch {
  StripBuffers<float> narrow;
  StripBuffers<double> wide;
  SparsifierScratch sparsifier;

  template <class W>
  StripBuffers<W>& buffers() {
    if constexpr (sizeof(W) == 4) return narrow;
    else return wide;
  }
};

}  // namespace

class Survey::Impl {
 public:
  explicit Impl(std::vector<SettingsOfTensor> tensors) : tensors_{std::move(tensors)}, statistics_(tensors_.size()) {
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      assert(tensors_[t].size() == tensors_.front().size());
      for (const auto* settings : tensors_[t]) statistics_[t].emplace_back().models.resize(settings->models.size());
    }
    make_units();
    for (auto& unit : units_) settle(unit);
    begin_round();
  }

  [[nodiscard]] bool done() const noexcept {
    return std::all_of(units_.begin(), units_.end(), [](const auto& unit) { return unit.phase == Unit::Phase::done; });
  }
  [[nodiscard]] bool wants_tiles() const noexcept {
    return std::any_of(units_.begin(), units_.end(), [](const auto& unit) {
      return unit.phase == Unit::Phase::sum || (unit.phase == Unit::Phase::select && unit.selections.wants_any());
    });
  }
  [[nodiscard]] bool wants(std::size_t tensor, Extent tile) const noexcept {
    const auto& unit = units_[unit_of_[tensor]];
    if (unit.phase == Unit::Phase::select) return unit.selections.wants(tensor - unit.first, tile);
    return unit.phase == Unit::Phase::sum && any_needed(unit.sums[tensor - unit.first]);
  }

  void feed(std::size_t tensor, const Run& run) {
    if (works_in_float64(*tensors_[tensor].front())) feed_in<double>(tensor, run);
    else feed_in<float>(tensor, run);
  }

  std::span<std::int64_t> exchange() {
    for (auto& unit : units_) {
      if (unit.phase == Unit::Phase::select) unit.selections.end();
    }
    return exchange_;
  }

  void advance() {
    for (auto& unit : units_) {
      if (unit.phase == Unit::Phase::select) {
        unit.selections.advance();
        settle(unit);
      } else if (unit.phase == Unit::Phase::sum) {
        for (std::size_t i = 0; i < unit.sums.size(); ++i) {
          for (std::size_t s = 0; s < unit.sums[i].size(); ++s) {
            if (unit.sums[i][s].needed()) unit.sums[i][s].apply(statistics_[unit.first + i][s]);
          }
        }
        unit.phase = Unit::Phase::done;
      }
    }
    begin_round();
  }

  [[nodiscard]] std::vector<TensorStatistics> statistics(std::size_t setting) const {
    std::vector<TensorStatistics> of_tensors;
    for (const auto& tensor : statistics_) of_tensors.push_back(tensor[setting]);
    return of_tensors;
  }

 private:
  // All tensors with scope: model are one unit; every other tensor is one of its own.
  void make_units() {
    unit_of_.resize(tensors_.size());
    for (std::size_t t = 0; t < tensors_.size();) {
      auto last = t + 1;
      if (needs_whole_model(*tensors_[t].front())) last = tensors_.size();
      auto& unit = units_.emplace_back(std::vector<SettingsOfTensor>{tensors_.begin() + static_cast<std::ptrdiff_t>(t),
                                                                     tensors_.begin() + static_cast<std::ptrdiff_t>(last)});
      unit.first = t;
      for (; t < last; ++t) {
        auto& sums = unit.sums.emplace_back();
        for (const auto* settings : tensors_[t]) sums.emplace_back(*settings);
        unit_of_[t] = units_.size() - 1;
      }
    }
  }

  // Goes from the selections to the sums as soon as they are done, and past the sums where there are none.
  void settle(Unit& unit) {
    if (unit.phase != Unit::Phase::select || !unit.selections.done()) return;
    for (std::size_t i = 0; i < unit.sums.size(); ++i) {
      auto& of_tensor = statistics_[unit.first + i];
      for (std::size_t s = 0; s < of_tensor.size(); ++s) unit.selections.apply(i, s, of_tensor[s]);
    }
    const bool sums = std::any_of(unit.sums.begin(), unit.sums.end(), any_needed);
    unit.phase = sums ? Unit::Phase::sum : Unit::Phase::done;
  }

  void begin_round() {
    std::size_t size = 0;
    for (const auto& unit : units_) size += unit.size();
    exchange_.assign(size, 0);
    std::span<std::int64_t> rest{exchange_};
    const auto take = [&](std::size_t n) {
      const auto part = rest.first(n);
      rest = rest.subspan(n);
      return part;
    };
    for (auto& unit : units_) {
      if (unit.phase == Unit::Phase::select) unit.selections.begin(take(unit.selections.size()));
      if (unit.phase != Unit::Phase::sum) continue;
      for (auto& tensor : unit.sums) {
        for (auto& sum : tensor) sum.begin(take(sum.size()));
      }
    }
  }

  template <class W>
  void feed_in(std::size_t tensor, const Run& run) {
    auto& unit = units_[unit_of_[tensor]];
    if (unit.phase == Unit::Phase::select) {
      StripReader<W> reader{*tensors_[tensor].front(), statistics_[tensor].front(), run, scratch_.buffers<W>()};
      while (reader.next()) unit.selections.feed(tensor - unit.first, reader.strip());
    }
    if (unit.phase != Unit::Phase::sum) return;
    auto& sums = unit.sums[tensor - unit.first];
    for (std::size_t s = 0; s < sums.size(); ++s) {
      if (!sums[s].needed()) continue;
      scratch_.sparsifier.forget_rows();
      StripReader<W> reader{*tensors_[tensor][s], statistics_[tensor][s], run, scratch_.buffers<W>()};
      while (reader.next()) sums[s].feed(run, reader.strip(), scratch_.sparsifier);
    }
  }

  std::vector<SettingsOfTensor> tensors_;
  std::vector<std::vector<TensorStatistics>> statistics_;  // by tensor and setting
  std::vector<Unit> units_;
  std::vector<std::size_t> unit_of_;
  std::vector<std::int64_t> exchange_;
  SurveyScratch scratch_;
};

Survey::Survey(const std::vector<const TensorSettings*>& tensors) : Survey{one_of_each(tensors)} {}
Survey::Survey(std::vector<SettingsOfTensor> tensors) : impl_{std::make_unique<Impl>(std::move(tensors))} {}
Survey::~Survey() = default;
Survey::Survey(Survey&&) noexcept = default;
Survey& Survey::operator=(Survey&&) noexcept = default;

std::uint64_t Survey::memory(const TensorSettings& settings) {
  const auto blocks = sum_blocks(settings.elements);
  const auto models = settings.models.size();
  const auto sets = settings.combiner == Combiner::sce ? 1 : settings.sparsifier == Sparsifier::breadcrumbs ? 2 * models : models;
  const bool selects = statistics_passes(settings) >= 2;
  // A histogram, or a count a block, and the notes with the open block for each selection.
  const auto of_selection = std::max<std::uint64_t>(Selection::k_bins + 2, blocks) * 8 +
                            std::min<std::uint64_t>(Selection::k_notes, settings.elements) * 16 * 2 + k_sum_block * 4;
  const SumStage sums{settings};
  return std::max<std::uint64_t>(selects ? sets * of_selection : 0, sums.size() * 8);
}

bool Survey::done() const noexcept {
  return impl_->done();
}
bool Survey::wants_tiles() const noexcept {
  return impl_->wants_tiles();
}
bool Survey::wants(std::size_t tensor, Extent tile) const noexcept {
  return impl_->wants(tensor, tile);
}
void Survey::feed(std::size_t tensor, const Run& run) {
  impl_->feed(tensor, run);
}
std::span<std::int64_t> Survey::exchange() {
  return impl_->exchange();
}
void Survey::advance() {
  impl_->advance();
}
std::vector<TensorStatistics> Survey::statistics(std::size_t setting) const {
  assert(done());
  return impl_->statistics(setting);
}

bool surveyed_together(const TensorSettings& a, const TensorSettings& b) {
  return seen_by_strips(a) == seen_by_strips(b);
}

bool equally_surveyed(const TensorSettings& a, const TensorSettings& b) {
  return seen_by_surveys(a) == seen_by_surveys(b);
}

bool needs_whole_model(const TensorSettings& settings) noexcept {
  return settings.sparsifier == Sparsifier::magnitude && settings.scope == Scope::model;
}

}  // namespace dare::merge
