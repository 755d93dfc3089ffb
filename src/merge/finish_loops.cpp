#include "merge/finish_loops.hpp"
#include "random/vector_targets.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "merge/finish_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dare::merge::HWY_NAMESPACE {

Rounded round_all(const Strip<float>& strip, std::span<std::byte> out) {
  constexpr std::size_t k_at_once = 256;
  Rounded rounded;
  for (std::size_t first = 0; first < strip.size; first += k_at_once) {
    const auto n = std::min(k_at_once, strip.size - first);
    const auto* HWY_RESTRICT result = strip.result.data() + first;
    const auto* HWY_RESTRICT base = strip.base.data() + first;
    const auto* HWY_RESTRICT effect = reinterpret_cast<const std::uint8_t*>(strip.effect.data() + first);
    alignas(64) std::array<std::uint16_t, k_at_once> codes;
    std::uint32_t largest = 0;
    std::uint32_t swallowed = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(result[i]);
      const auto up = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
      const auto own = std::bit_cast<std::uint32_t>(base[i]) >> 16U;
      const auto code = effect[i] == static_cast<std::uint8_t>(Effect::base) ? own : up;
      swallowed +=
          static_cast<std::uint32_t>(effect[i] == static_cast<std::uint8_t>(Effect::moved)) & static_cast<std::uint32_t>(up == own);
      largest = std::max(largest, code & 0x7FFFU);
      codes[i] = static_cast<std::uint16_t>(code);
    }
    std::memcpy(out.data() + 2 * first, codes.data(), 2 * n);
    rounded.largest = std::max(rounded.largest, largest);
    rounded.swallowed += swallowed;
  }
  return rounded;
}

}  // namespace dare::merge::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::merge {
HWY_EXPORT(round_all);

Rounded round_to_bf16(const Strip<float>& strip, std::span<std::byte> out) {
  return HWY_DYNAMIC_DISPATCH(round_all)(strip, out);
}

}  // namespace dare::merge
#endif
