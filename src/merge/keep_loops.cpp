#include "merge/keep_loops.hpp"
#include "merge/sparsifier.hpp"
#include "random/vector_targets.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/keep_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {

// In the keys' own width: whatever is larger than any key selects nothing.
template <class W>
HWY_INLINE void mark_in(std::span<const W> from, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> to) {
  using Bits = std::conditional_t<sizeof(W) == 4, std::uint32_t, std::uint64_t>;
  constexpr std::uint64_t k_largest = std::numeric_limits<Bits>::max();
  constexpr auto k_infinite = std::bit_cast<Bits>(std::numeric_limits<W>::infinity());
  constexpr auto k_nan = std::bit_cast<Bits>(std::numeric_limits<W>::quiet_NaN());
  const auto low = static_cast<Bits>(std::min(kept.key, k_largest));
  const auto high = static_cast<Bits>(std::min(outlier.key, k_largest));
  const Bits low_end = kept.tie_end;
  const Bits high_end = outlier.tie_end;
  const auto* HWY_RESTRICT delta = from.data();
  auto* HWY_RESTRICT mask = to.data();
  const auto n = static_cast<Bits>(from.size());
  for (Bits i = 0; i < n; ++i) {
    const auto size = std::bit_cast<Bits>(delta[i]) & (~Bits{0} >> 1U);  // key_of, which is of no instruction set
    const auto key = size > k_infinite ? k_nan : size;
    const auto above = static_cast<Bits>(key > low) | (static_cast<Bits>(key == low) & static_cast<Bits>(i < low_end));
    const auto below = static_cast<Bits>(key < high) | (static_cast<Bits>(key == high) & static_cast<Bits>(i < high_end));
    mask[i] = static_cast<std::uint8_t>(above & below);
  }
}
void mark_float(std::span<const float> delta, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> mask) {
  mark_in<float>(delta, kept, outlier, mask);
}
void mark_double(std::span<const double> delta, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> mask) {
  mark_in<double>(delta, kept, outlier, mask);
}

bool mark_by_draws(std::span<const std::uint16_t> draws, std::span<const std::uint32_t> limits, std::span<std::uint8_t> to) {
  const auto* HWY_RESTRICT drawn = draws.data();
  const auto* HWY_RESTRICT limit = limits.data();
  auto* HWY_RESTRICT mask = to.data();
  std::uint32_t equal = 0;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const std::uint32_t draw = drawn[i];
    mask[i] = static_cast<std::uint8_t>(draw >= limit[i] ? 1 : 0);
    equal |= draw == limit[i] ? 1U : 0U;
  }
  return equal != 0;
}

}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(mark_float);
HWY_EXPORT(mark_double);
HWY_EXPORT(mark_by_draws);

void mark_between(std::span<const float> delta, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> mask) {
  HWY_DYNAMIC_DISPATCH(mark_float)(delta, kept, outlier, mask);
}
void mark_between(std::span<const double> delta, const StripCut& kept, const StripCut& outlier, std::span<std::uint8_t> mask) {
  HWY_DYNAMIC_DISPATCH(mark_double)(delta, kept, outlier, mask);
}
bool mark_drawn(std::span<const std::uint16_t> draws, std::span<const std::uint32_t> limits, std::span<std::uint8_t> mask) {
  return HWY_DYNAMIC_DISPATCH(mark_by_draws)(draws, limits, mask);
}

}  // namespace dare::merge
#endif
