#include "merge/stream_group.hpp"

#include <algorithm>
#include <limits>

namespace dare::merge {
namespace {

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

}  // namespace

StreamGroup::StreamGroup(std::vector<random::DropStream> streams, std::span<const ChunkModel> chunk) : models_(streams.size()) {
  for (std::size_t k = 0; k < streams.size(); ++k) {
    models_[k] = std::make_unique<StreamModel>(StreamModel{streams[k], {}, {}, false, {}});
    streams_.push_back({chunk[k].delta.data(), models_[k]->drawn.data(), 0, 0});
  }
}

bool StreamGroup::has(const std::vector<random::DropStream>& streams) const {
  return std::equal(models_.begin(), models_.end(), streams.begin(), streams.end(),
                    [](const auto& model, const auto& stream) { return model->stream.key64() == stream.key64(); });
}

void StreamGroup::add(StreamSetting setting, std::span<const ChunkModel> chunk) {
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
  auto batch = std::find_if(batches_.begin(), batches_.end(), [&](const SettingBatch& one) { return one.takes(added); });
  if (batch == batches_.end()) batch = batches_.insert(batch, {added.whole, {}});
  batch->parts.push_back({added.models, &added.sums});
}

void StreamGroup::begin_strip() {
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

void StreamGroup::measure(std::uint64_t first, std::size_t n, const ChunkBase& base, std::span<const ChunkModel> models,
                          std::span<const std::unique_ptr<ChunkWhole>> wholes) {
  for (auto& model : models_) draw(first, n, *model);
  for (std::size_t k = 0; k < models.size(); ++k) add_kept(models[k], models_[k]->drawn.data(), n, models_[k]->kept);
  if (models.size() > 1) add_conflicts(n);
  for (const auto& batch : batches_) add_settings(base, batch.parts, *wholes[batch.whole], n);
}

void StreamGroup::add_to(Measures& of, const StreamSetting& setting, const StripTotals& totals) const {
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

std::uint64_t StreamGroup::conflicts_of(const StreamSetting& setting) const {
  if (setting.conflicts) return conflicts_[*setting.conflicts].count;
  return setting.one_threshold ? any_conflicts_ : setting.own_conflicts;
}

void StreamGroup::draw(std::uint64_t first, std::size_t n, StreamModel& model) {
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

void StreamGroup::add_conflicts(std::size_t n) {
  any_conflicts_ += find_conflicts(streams_, n, conflicting_.data());
  count_conflicts(conflicting_.data(), n, conflicts_);
  for (auto& setting : settings_) {
    if (!setting.one_threshold) setting.own_conflicts += count_conflicts(setting.models, n);
  }
}

}  // namespace dare::merge
