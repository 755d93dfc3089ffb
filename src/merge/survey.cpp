#include "merge/tensor_survey.hpp"

#include <dare/merge/statistics.hpp>

#include <algorithm>
#include <cassert>

namespace dare::merge {
namespace {

// Tensors that go through the selections together; then each has its sums.
struct Unit {
  explicit Unit(const std::vector<const TensorSettings*>& tensors) : selections{tensors} {}

  std::size_t first = 0;  // position of its first tensor
  SelectionStage selections;
  std::vector<SumStage> sums;
  enum class Phase : std::uint8_t { select, sum, done } phase = Phase::select;

  [[nodiscard]] std::size_t size() const {
    if (phase == Phase::select) return selections.size();
    std::size_t size = 0;
    for (const auto& sum : sums) size += phase == Phase::sum ? sum.size() : 0;
    return size;
  }
};

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
  explicit Impl(std::vector<const TensorSettings*> tensors) : tensors_{std::move(tensors)}, statistics_(tensors_.size()) {
    for (std::size_t t = 0; t < tensors_.size(); ++t) statistics_[t].models.resize(tensors_[t]->models.size());
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
    return unit.phase == Unit::Phase::sum && unit.sums[tensor - unit.first].needed();
  }

  void feed(std::size_t tensor, const Run& run) {
    if (works_in_float64(*tensors_[tensor])) feed_in<double>(tensor, run);
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
          if (unit.sums[i].needed()) unit.sums[i].apply(statistics_[unit.first + i]);
        }
        unit.phase = Unit::Phase::done;
      }
    }
    begin_round();
  }

  [[nodiscard]] const std::vector<TensorStatistics>& statistics() const { return statistics_; }

 private:
  // All tensors with scope: model are one unit; every other tensor is one of its own.
  void make_units() {
    unit_of_.resize(tensors_.size());
    for (std::size_t t = 0; t < tensors_.size();) {
      auto last = t + 1;
      if (needs_whole_model(*tensors_[t])) last = tensors_.size();
      auto& unit = units_.emplace_back(std::vector<const TensorSettings*>{tensors_.begin() + static_cast<std::ptrdiff_t>(t),
                                                                          tensors_.begin() + static_cast<std::ptrdiff_t>(last)});
      unit.first = t;
      for (; t < last; ++t) {
        unit.sums.emplace_back(*tensors_[t]);
        unit_of_[t] = units_.size() - 1;
      }
    }
  }

  // Goes from the selections to the sums as soon as they are done, and past the sums where there are none.
  void settle(Unit& unit) {
    if (unit.phase != Unit::Phase::select || !unit.selections.done()) return;
    for (std::size_t i = 0; i < unit.sums.size(); ++i) unit.selections.apply(i, statistics_[unit.first + i]);
    const bool sums = std::any_of(unit.sums.begin(), unit.sums.end(), [](const auto& sum) { return sum.needed(); });
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
      for (auto& sum : unit.sums) sum.begin(take(sum.size()));
    }
  }

  template <class W>
  void feed_in(std::size_t tensor, const Run& run) {
    auto& unit = units_[unit_of_[tensor]];
    scratch_.sparsifier.forget_rows();
    StripReader<W> reader{*tensors_[tensor], statistics_[tensor], run, scratch_.buffers<W>()};
    while (reader.next()) {
      if (unit.phase == Unit::Phase::select) {
        unit.selections.feed(tensor - unit.first, reader.strip());
      } else if (unit.phase == Unit::Phase::sum) {
        unit.sums[tensor - unit.first].feed(run, reader.strip(), scratch_.sparsifier);
      }
    }
  }

  std::vector<const TensorSettings*> tensors_;
  std::vector<TensorStatistics> statistics_;
  std::vector<Unit> units_;
  std::vector<std::size_t> unit_of_;
  std::vector<std::int64_t> exchange_;
  SurveyScratch scratch_;
};

Survey::Survey(std::vector<const TensorSettings*> tensors) : impl_{std::make_unique<Impl>(std::move(tensors))} {}
Survey::~Survey() = default;
Survey::Survey(Survey&&) noexcept = default;
Survey& Survey::operator=(Survey&&) noexcept = default;

std::uint64_t Survey::memory(const TensorSettings& settings) {
  const auto blocks = sum_blocks(settings.elements);
  const auto models = settings.models.size();
  const auto sets = settings.combiner == Combiner::sce ? 1 : settings.sparsifier == Sparsifier::breadcrumbs ? 2 * models : models;
  const bool selects = statistics_passes(settings) >= 2;
  // A histogram, or a count a block, and the notes with the open block for each selection.
  const auto of_selection = std::max<std::uint64_t>(Selection::k_bins + 2, blocks) * 8 + Selection::k_notes * 16 * 2 + k_sum_block * 4;
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
std::vector<TensorStatistics> Survey::statistics() const {
  assert(done());
  return impl_->statistics();
}

bool needs_whole_model(const TensorSettings& settings) noexcept {
  return settings.sparsifier == Sparsifier::magnitude && settings.scope == Scope::model;
}

}  // namespace dare::merge
