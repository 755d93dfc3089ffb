#include "compare/delta.hpp"

#include "merge/convert.hpp"

#include <dare/merge/tensor_merger.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace dare::compare {

void DeltaSums::add(const DeltaSums& next) noexcept {
  elements += next.elements;
  nonfinite += next.nonfinite;
  zero += next.zero;
  lost += next.lost;
  size += next.size;
  largest.see(next.largest.value, next.largest.at);
  dd += next.dd;
  bb += next.bb;
  ff += next.ff;
  bf += next.bf;
}

void RowTotal::add(const RowSums& next) noexcept {
  open_ += next.head;
  if (!next.ends_row) return;
  squares_ += open_ * open_ + next.squares;
  open_ = next.tail;
}

std::size_t SizeHistogram::bin_of(double size) noexcept {
  return std::bit_cast<std::uint32_t>(static_cast<float>(std::min<double>(size, std::numeric_limits<float>::max()))) >> 16U;
}

double SizeHistogram::middle(std::size_t bin) noexcept {
  constexpr std::size_t k_smallest_normal = 0x80;  // 2^-126
  if (bin < k_smallest_normal) return 0;
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bin << 16U | 0x8000U)));
}

std::optional<std::array<double, 9>> SizeHistogram::deciles() const {
  const auto total = std::accumulate(bins_.begin(), bins_.end(), std::int64_t{0});
  if (total == 0) return std::nullopt;
  std::array<double, 9> result{};
  std::int64_t below = 0;
  std::size_t bin = 0;
  for (std::size_t d = 0; d < result.size(); ++d) {
    // The smallest |delta| that at least (d + 1) / 10 of all do not exceed.
    const auto needed = (total * static_cast<std::int64_t>(d + 1) + 9) / 10;
    while (below + bins_[bin] < needed) below += bins_[bin++];
    result[d] = middle(bin);
  }
  return result;
}

namespace {

bool is_left_out(const Stretch& stretch, std::size_t i) noexcept {
  return !stretch.left_out.empty() && stretch.left_out[i] != 0;
}

}  // namespace

std::uint64_t DeltaMeter::lost(const Stretch& stretch, Dtype model, Dtype base, Dtype rounded) {
  const bool added = !stretch.change.empty();
  if (!added && model == rounded && base == rounded) return 0;
  const auto bytes = info(rounded).bits / 8;
  rounded_f_.resize(stretch.elements * bytes);
  rounded_b_.resize(stretch.elements * bytes);
  const auto tuned = added ? std::as_bytes(std::span{f64_}) : stretch.a;
  (void)merge::convert(added ? Dtype::f64 : model, tuned, rounded, rounded_f_, merge::Overflow::saturate, merge::Nonfinite::keep);
  (void)merge::convert(base, stretch.b, rounded, rounded_b_, merge::Overflow::saturate, merge::Nonfinite::keep);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < stretch.elements; ++i) {
    const auto* const f = rounded_f_.data() + i * bytes;
    const bool differed = f64_[i] != b64_[i] && std::isfinite(f64_[i]) && std::isfinite(b64_[i]);
    if (differed && !is_left_out(stretch, i) && std::equal(f, f + bytes, rounded_b_.data() + i * bytes)) ++count;
  }
  return count;
}

template <class W>
DeltaPart DeltaMeter::measure_in(const Stretch& stretch, std::uint64_t row, Dtype model, Dtype base, SizeHistogram& sizes) {
  const auto n = static_cast<std::size_t>(stretch.elements);
  f64_.resize(n);
  b64_.resize(n);
  merge::widen<double>(base, stretch.b, b64_);
  const bool added = !stretch.change.empty();
  if (added) std::transform(b64_.begin(), b64_.end(), stretch.change.begin(), f64_.begin(), std::plus{});
  else merge::widen<double>(model, stretch.a, f64_);
  DeltaPart part;
  auto& sums = part.sums;
  sums.elements = n - static_cast<std::size_t>(std::accumulate(stretch.left_out.begin(), stretch.left_out.end(), 0));
  double of_row = 0;
  auto left = row - stretch.first % row;  // elements up to the next end of a row
  for (std::size_t i = 0; i < n; ++i) {
    const double f = f64_[i];
    const double b = b64_[i];
    if (is_left_out(stretch, i)) {
      // Nothing is known of it.
    } else if (std::isfinite(f) && std::isfinite(b)) {
      const auto delta = added ? stretch.change[i] : static_cast<double>(static_cast<W>(f) - static_cast<W>(b));
      const auto size = std::abs(delta);
      if (delta == 0) ++sums.zero;
      sizes.count(size);
      sums.size += size;
      sums.largest.see(size, stretch.first + i);
      sums.dd += delta * delta;
      sums.bb += b * b;
      sums.ff += f * f;
      sums.bf += b * f;
      of_row += delta;
    } else {
      ++sums.nonfinite;
    }
    if (--left != 0) continue;
    left = row;
    if (part.rows.ends_row) part.rows.squares += of_row * of_row;
    else part.rows.head = of_row;
    part.rows.ends_row = true;
    of_row = 0;
  }
  (part.rows.ends_row ? part.rows.tail : part.rows.head) = of_row;
  if (!stretch.left_out.empty()) part.rows = {};  // sums over rows need all of a row
  return part;
}

DeltaPart DeltaMeter::measure(const Stretch& stretch, std::uint64_t row, Dtype model, Dtype base, Dtype rounded, SizeHistogram& sizes) {
  const bool wide = merge::works_in_float64(model) || merge::works_in_float64(base);
  auto part = wide ? measure_in<double>(stretch, row, model, base, sizes) : measure_in<float>(stretch, row, model, base, sizes);
  part.sums.lost = lost(stretch, model, base, rounded);
  return part;
}

}  // namespace dare::compare
