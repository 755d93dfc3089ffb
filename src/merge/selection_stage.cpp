#include "merge/combiner.hpp"
#include "merge/compat.hpp"
#include "merge/needs.hpp"
#include "merge/tensor_survey.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <map>

namespace dare::merge {
namespace {

std::uint64_t held(const TensorSettings& settings, const ModelTerm& term) {
  return std::min(settings.elements, term.elements);
}

// A cut among float64 keys for numbers of float32: the same selection.
Cut narrowed(const Cut& cut) {
  if (cut == Cut::nothing()) return cut;
  const auto value = std::bit_cast<double>(cut.key);
  if (std::isnan(value)) return {key_of(static_cast<float>(value)), cut.tie_end};
  const auto near = static_cast<float>(value);
  if (static_cast<double>(near) == value) return {key_of(near), cut.tie_end};
  const auto below = static_cast<double>(near) > value ? std::nextafter(near, 0.0F) : near;
  return {key_of(below), 0};
}

// A place among all tensors as an element of the one in [place, place + elements).
std::uint64_t local(std::uint64_t tie_end, std::uint64_t place) {
  return tie_end == k_all_elements ? tie_end : tie_end <= place ? 0 : tie_end - place;
}

}  // namespace

SelectionStage::SelectionStage(std::vector<const TensorSettings*> tensors)
    : tensors_{std::move(tensors)}, whole_model_{needs_whole_model(*tensors_.front())}, keys_(k_strip) {
  bits_ = 32;
  places_.push_back(0);
  for (const auto* tensor : tensors_) {
    if (works_in_float64(*tensor)) bits_ = 64;
    places_.push_back(places_.back() + sum_blocks(tensor->elements) * k_sum_block);
  }
  const auto& first = *tensors_.front();
  if (selects_by_variance(first)) add_variance(first);
  if (!selects_by_size(first)) return;
  struct Of {
    const TensorSettings* settings;
    const ModelTerm* term;
    std::uint64_t keys;
  };
  std::map<std::uint32_t, Of> models;
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    for (std::size_t k = 0; k < tensors_[t]->models.size(); ++k) {
      const auto& term = tensors_[t]->models[k];
      const auto of = models.try_emplace(model_of(t, k), Of{tensors_[t], &term, 0}).first;
      assert(of->second.term->rate == term.rate);
      of->second.keys += held(*tensors_[t], term);
    }
  }
  for (const auto& [model, of] : models) add_slots(model, *of.settings, *of.term, of.keys);
}

std::uint32_t SelectionStage::model_of(std::size_t tensor, std::size_t term) const noexcept {
  return whole_model_ ? tensors_[tensor]->models[term].model : static_cast<std::uint32_t>(term);
}

void SelectionStage::add_slots(std::uint32_t model, const TensorSettings& settings, const ModelTerm& term, std::uint64_t keys) {
  const auto kept = kept_count(settings, term, keys);
  const auto outliers = outlier_count(settings, term, keys, kept);
  const auto known = [&](std::uint64_t rank) { return rank == 0 || rank == keys; };
  const auto cut_of = [](std::uint64_t rank) { return rank == 0 ? Cut::nothing() : Cut::everything(); };
  const auto rank = kept == 0 ? 0 : kept + outliers;
  const Wanted wanted{rank, outliers, false, 0};
  slots_.push_back({Target::kept, model, known(rank) ? Selection{cut_of(rank)} : Selection{bits_, places_.back(), wanted}});
  if (outliers != 0) slots_.push_back({Target::outlier, model, Selection{bits_, places_.back(), Wanted{outliers, 0, true, 0}}});
}

void SelectionStage::add_variance(const TensorSettings& settings) {
  const bool none = settings.select_topk <= 0 || settings.elements == 0;
  const Wanted wanted{0, 0, false, settings.select_topk};
  slots_.push_back({Target::variance, 0, none ? Selection{Cut::nothing()} : Selection{bits_, places_.back(), wanted}});
}

bool SelectionStage::done() const noexcept {
  return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot.selection.done(); });
}

bool SelectionStage::wants_any() const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot.selection.wants_any(); });
}

bool SelectionStage::wants(std::size_t tensor, Extent tile) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const auto& slot) { return slot.selection.wants(places_[tensor] + tile.first, tile.elements); });
}

std::size_t SelectionStage::size() const noexcept {
  std::size_t size = 0;
  for (const auto& slot : slots_) size += slot.selection.size();
  return size;
}

void SelectionStage::begin(std::span<std::int64_t> sums) {
  for (auto& slot : slots_) {
    const auto own = slot.selection.size();
    slot.selection.begin(sums.first(own));
    sums = sums.subspan(own);
  }
}

// `keys` becomes empty where the model is absent.
template <class W>
void SelectionStage::make_keys(const Slot& slot, std::size_t tensor, const Strip<W>& strip, std::span<std::uint64_t>& keys) {
  keys = std::span{keys_}.first(strip.size);
  if (slot.target == Target::variance) return sce_keys(strip, keys);
  const auto model =
      std::find_if(strip.models.begin(), strip.models.end(), [&](const auto& m) { return model_of(tensor, m.term) == slot.model; });
  if (model == strip.models.end()) {
    keys = {};
    return;
  }
  for (std::size_t i = 0; i < strip.size; ++i)
    keys[i] = bits_ == 64 ? key_of(static_cast<double>(model->delta[i])) : key_of(model->delta[i]);
}

template <class W>
void SelectionStage::feed(std::size_t tensor, const Strip<W>& strip) {
  for (auto& slot : slots_) {
    if (!slot.selection.wants(places_[tensor] + strip.first, strip.size)) continue;
    std::span<std::uint64_t> keys;
    make_keys(slot, tensor, strip, keys);
    slot.selection.feed(places_[tensor] + strip.first, keys);
  }
}

void SelectionStage::end() {
  for (auto& slot : slots_) slot.selection.end();
}

void SelectionStage::advance() {
  for (auto& slot : slots_) {
    if (!slot.selection.done()) slot.selection.advance();
  }
}

void SelectionStage::apply(std::size_t tensor, TensorStatistics& statistics) const {
  const auto& settings = *tensors_[tensor];
  for (const auto& slot : slots_) {
    auto cut = slot.selection.cut();
    if (cut != Cut::nothing()) cut.tie_end = local(cut.tie_end, places_[tensor]);
    if (bits_ == 64 && !works_in_float64(settings)) cut = narrowed(cut);
    if (slot.target == Target::variance) {
      statistics.selected = cut;
      continue;
    }
    for (std::size_t k = 0; k < settings.models.size(); ++k) {
      if (model_of(tensor, k) != slot.model) continue;
      (slot.target == Target::kept ? statistics.models[k].kept : statistics.models[k].outlier) = cut;
    }
  }
}

template void SelectionStage::feed<float>(std::size_t, const Strip<float>&);
template void SelectionStage::feed<double>(std::size_t, const Strip<double>&);

}  // namespace dare::merge
