#include "compare/difference.hpp"

#include "merge/convert.hpp"

#include <dare/core/packed.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dare::compare {
namespace {

// Numbers in order of value: neighbours are one apart, and both zeros are 0.
std::int64_t rank_of(std::uint64_t code, unsigned bits) noexcept {
  const auto sign = std::uint64_t{1} << (bits - 1);
  const auto size = static_cast<std::int64_t>(code & (sign - 1));
  return (code & sign) != 0 ? -size : size;
}

std::uint64_t apart(std::int64_t a, std::int64_t b) noexcept {
  return a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
               : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
}

bool same_value(double a, double b) noexcept {
  return a == b || (std::isnan(a) && std::isnan(b));
}

double square_sum(std::span<const double> values) noexcept {
  double sum = 0;
  for (const auto value : values) {
    if (std::isfinite(value)) sum += value * value;
  }
  return sum;
}

}  // namespace

void Difference::add(const Difference& next) noexcept {
  elements += next.elements;
  differing += next.differing;
  nonfinite += next.nonfinite;
  absolute.see(next.absolute.value, next.absolute.at);
  relative.see(next.relative.value, next.relative.at);
  ulps.see(next.ulps.value, next.ulps.at);
  aa += next.aa;
  bb += next.bb;
  ab += next.ab;
}

std::optional<double> cosine_of(double aa, double bb, double ab) noexcept {
  const auto size = std::sqrt(aa) * std::sqrt(bb);
  if (!(size > 0) || !std::isfinite(size) || !std::isfinite(ab)) return std::nullopt;
  return std::clamp(ab / size, -1.0, 1.0);
}

std::optional<double> Difference::cosine() const noexcept {
  return cosine_of(aa, bb, ab);
}

Difference DifferenceMeter::measure(const Stretch& stretch, Dtype a, Dtype b) {
  Difference difference;
  difference.elements = stretch.elements;
  if (is_floating(a) && is_floating(b)) {
    measure_floats(stretch, a, b, difference);
    return difference;
  }
  if (a != b) {
    difference.differing = stretch.elements;  // a number and something else have nothing in common
    return difference;
  }
  if (std::equal(stretch.a.begin(), stretch.a.end(), stretch.b.begin())) return difference;
  const auto bits = info(a).bits;
  for (std::uint64_t i = 0; i < stretch.elements; ++i) {
    if (element_bits(stretch.a, bits, i) != element_bits(stretch.b, bits, i)) ++difference.differing;
  }
  return difference;
}

void DifferenceMeter::measure_floats(const Stretch& stretch, Dtype a, Dtype b, Difference& difference) {
  const auto n = static_cast<std::size_t>(stretch.elements);
  a_.resize(n);
  merge::widen<double>(a, stretch.a, a_);
  if (a == b && std::memcmp(stretch.a.data(), stretch.b.data(), stretch.a.size()) == 0) {
    difference.aa = difference.bb = difference.ab = square_sum(a_);
    return;
  }
  b_.resize(n);
  merge::widen<double>(b, stretch.b, b_);
  const auto bits = info(a).bits;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = a_[i];
    const double y = b_[i];
    const auto code = a == b ? element_bits(stretch.a, bits, i) : 0;
    const auto other = a == b ? element_bits(stretch.b, bits, i) : 0;
    const bool equal = a == b ? code == other : same_value(x, y);
    const bool finite = std::isfinite(x) && std::isfinite(y);
    if (!equal) ++difference.differing;
    if (!finite) {
      if (!equal) ++difference.nonfinite;
      continue;
    }
    difference.aa += x * x;
    difference.bb += y * y;
    difference.ab += x * y;
    if (equal) continue;
    const auto at = stretch.first + i;
    const auto distance = std::abs(x - y);
    difference.absolute.see(distance, at);
    const auto larger = std::max(std::abs(x), std::abs(y));
    if (larger > 0) difference.relative.see(std::isfinite(distance) ? distance / larger : std::abs(x / larger - y / larger), at);
    if (a == b) difference.ulps.see(apart(rank_of(code, bits), rank_of(other, bits)), at);
  }
}

}  // namespace dare::compare
