#include "merge/selection.hpp"

#include <algorithm>
#include <cassert>

namespace dare::merge {
namespace {

constexpr std::size_t k_nonzero = Selection::k_bins;       // among a histogram's sums
constexpr std::size_t k_overflow = Selection::k_bins + 1;  // likewise

std::uint64_t as_count(std::int64_t sum) {
  return static_cast<std::uint64_t>(sum);
}

}  // namespace

Selection::Selection(unsigned bits, std::uint64_t positions, const Wanted& wanted, std::size_t notes)
    : shift_{bits - 16}, positions_{positions}, wanted_{wanted}, allowed_notes_{notes} {}

std::size_t Selection::size() const noexcept {
  switch (stage_) {
    case Stage::histogram:
      return k_bins + 2;
    case Stage::blocks:
      return static_cast<std::size_t>(sum_blocks(positions_));
    case Stage::position:
      return 1;
    case Stage::done:
      return 0;
  }
  return 0;
}

void Selection::begin(std::span<std::int64_t> sums) {
  sums_ = sums;
  if (stage_ != Stage::blocks || overflowed_) return;
  for (const auto& note : notes_) {
    if (note.low == (cut_.key & 0xFFFFU)) sums_[note.block] += note.count;
  }
  notes_ = {};
}

bool Selection::wants_any() const noexcept {
  return stage_ == Stage::histogram || (stage_ == Stage::blocks && overflowed_) || stage_ == Stage::position;
}

bool Selection::wants(std::uint64_t first, std::uint64_t n) const noexcept {
  if (stage_ != Stage::position) return wants_any();
  return first < (block_ + 1) * k_sum_block && first + n > block_ * k_sum_block;
}

void Selection::feed(std::uint64_t first, std::span<const std::uint64_t> keys) {
  switch (stage_) {
    case Stage::histogram:
      return count(first, keys);
    case Stage::blocks:
      if (!overflowed_) return;
      for (std::size_t i = 0; i < keys.size(); ++i) sums_[(first + i) / k_sum_block] += keys[i] == cut_.key ? 1 : 0;
      return;
    case Stage::position:
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if ((first + i) / k_sum_block != block_ || keys[i] != cut_.key || ties_ == 0) continue;
        if (--ties_ == 0) sums_[0] = static_cast<std::int64_t>(first + i + 1);
      }
      return;
    case Stage::done:
      return;
  }
}

void Selection::count(std::uint64_t first, std::span<const std::uint64_t> keys) {
  if (first_round_) {
    for (const auto key : keys) {
      ++sums_[(key >> shift_) & 0xFFFFU];
      sums_[k_nonzero] += key != 0 ? 1 : 0;
    }
    return;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] >> (shift_ + 16U) != prefix_) continue;
    const auto low = static_cast<std::uint16_t>(keys[i] >> shift_);
    ++sums_[low];
    if (last_round()) note(first + i, low);
  }
}

void Selection::note(std::uint64_t position, std::uint16_t low) {
  if (overflowed_) return;
  if (position / k_sum_block != block_) {
    flush_block();
    block_ = position / k_sum_block;
  }
  open_.push_back(low);
}

void Selection::flush_block() {
  std::sort(open_.begin(), open_.end());
  for (std::size_t i = 0; i < open_.size();) {
    const auto next = static_cast<std::size_t>(std::upper_bound(open_.begin(), open_.end(), open_[i]) - open_.begin());
    notes_.push_back({block_, static_cast<std::uint32_t>(next - i), open_[i]});
    i = next;
  }
  open_.clear();
  if (notes_.size() <= allowed_notes_) return;
  overflowed_ = true;
  notes_ = {};
}

void Selection::end() {
  if (stage_ != Stage::histogram || !last_round()) return;
  flush_block();
  sums_[k_overflow] = overflowed_ ? 1 : 0;
}

void Selection::advance() {
  switch (stage_) {
    case Stage::histogram:
      return narrow();
    case Stage::blocks:
      return find_block();
    case Stage::position:
      assert(sums_[0] != 0);
      cut_.tie_end = as_count(sums_[0]);
      stage_ = Stage::done;
      return;
    case Stage::done:
      return;
  }
}

void Selection::narrow() {
  if (first_round_ && wanted_.share_of_nonzero != 0) {
    wanted_.rank = static_cast<std::uint64_t>(static_cast<double>(sums_[k_nonzero]) * wanted_.share_of_nonzero);
    if (wanted_.rank == 0) {
      cut_ = Cut::nothing();
      stage_ = Stage::done;
      return;
    }
  }
  auto bin = k_bins - 1;
  while (bin > 0 && above_ + as_count(sums_[bin]) < wanted_.rank) above_ += as_count(sums_[bin--]);
  const auto equal = as_count(sums_[bin]);
  assert(above_ + equal >= wanted_.rank);
  prefix_ = (prefix_ << 16U) | bin;
  first_round_ = false;
  if (last_round()) {
    overflowed_ = sums_[k_overflow] != 0;
    settle_ties(equal);
  } else {
    shift_ -= 16;
  }
}

void Selection::settle_ties(std::uint64_t equal) {
  cut_ = {prefix_, k_all_elements};
  ties_ = wanted_.ties_from_end ? equal - (wanted_.rank - above_) : wanted_.rank - std::max(above_, wanted_.skip);
  stage_ = Stage::done;
  if (ties_ == 0) {
    cut_.tie_end = 0;
  } else if (ties_ != equal) {
    stage_ = Stage::blocks;
  }
  if (stage_ == Stage::done || overflowed_) notes_ = {};
}

void Selection::find_block() {
  block_ = 0;
  while (ties_ > as_count(sums_[block_])) ties_ -= as_count(sums_[block_++]);
  stage_ = Stage::position;
}

}  // namespace dare::merge
