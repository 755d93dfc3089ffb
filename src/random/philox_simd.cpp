#include "random/philox_simd.hpp"

#include "random/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "random/philox_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dare::random::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR  // no vectors at all: the definition itself

bool fill_run(const BlockRun& run, std::size_t blocks, std::uint16_t, std::uint16_t* out) {
  for (std::size_t i = 0; i < blocks; ++i) write_block(run, run.first + i, out + i * k_block_draws);
  return true;
}

std::size_t find_in(const std::uint16_t* draws, std::size_t from, std::size_t n, std::uint16_t tie) {
  while (from < n && draws[from] != tie) ++from;
  return from;
}

#else

// A vector holds one word of one block in the low half of every 64-bit lane; what lies in the high halves is never used. So the
// widening multiplication needs no shuffle, and the low half of its product is the next round's word as it is.
using D64 = hn::ScalableTag<std::uint64_t>;
using D32 = hn::ScalableTag<std::uint32_t>;
using D16 = hn::ScalableTag<std::uint16_t>;
using V = hn::Vec<D32>;

constexpr std::uint32_t k_multiplier_a = 0xD2511F53;
constexpr std::uint32_t k_multiplier_b = 0xCD9E8D57;
constexpr std::uint32_t k_weyl_a = 0x9E3779B9;
constexpr std::uint32_t k_weyl_b = 0xBB67AE85;

HWY_INLINE V set(std::uint32_t word) {
  return hn::BitCast(D32(), hn::Set(D64(), word));
}
HWY_INLINE V multiply(V word, V factor) {
  return hn::BitCast(D32(), hn::MulEven(word, factor));
}
// The high half of a product, moved down. AVX-512 of Intel multiplies and shifts in one port but shuffles in another; elsewhere the shift
// is as fast or faster.
HWY_INLINE V high(V product) {
#if DARE_IS_AVX512
  return hn::Shuffle2301(product);
#else
  return hn::BitCast(D32(), hn::ShiftRight<32>(hn::BitCast(D64(), product)));
#endif
}

// An implicit constructor would lack the target's instructions.
struct State {
  HWY_INLINE State() {}
  HWY_INLINE State(V w0, V w1, V w2, V w3) : c0{w0}, c1{w1}, c2{w2}, c3{w3} {}
  V c0, c1, c2, c3;
};

// What the rounds need beside the state. Words 1 to 3 of all counters of a run are equal, so of rounds 0 to 2 much is constant.
struct Schedule {
  V multiplier_a, multiplier_b, low_half;
  V name_key;                // round 0: word 3 and its key
  V x1_key, a1_key, y3_key;  // round 1 and 2: constant words with their keys
  V key_a[10], key_b[10];

  Schedule(const BlockRun& run, std::uint32_t block_high) {
    multiplier_a = set(k_multiplier_a);
    multiplier_b = set(k_multiplier_b);
    low_half = set(0xFFFFFFFFU);
    std::uint32_t a[10];
    std::uint32_t b[10];
    for (std::uint32_t round = 0; round < 10; ++round) {
      a[round] = static_cast<std::uint32_t>(run.key64) + round * k_weyl_a;
      b[round] = static_cast<std::uint32_t>(run.key64 >> 32U) + round * k_weyl_b;
      key_a[round] = set(a[round]);
      key_b[round] = set(b[round]);
    }
    const auto product_b = std::uint64_t{k_multiplier_b} * static_cast<std::uint32_t>(run.name64);
    const auto x0 = static_cast<std::uint32_t>(product_b >> 32U) ^ block_high ^ a[0];
    const auto product_a = std::uint64_t{k_multiplier_a} * x0;
    name_key = set(static_cast<std::uint32_t>(run.name64 >> 32U) ^ b[0]);
    x1_key = set(static_cast<std::uint32_t>(product_b) ^ a[1]);
    a1_key = set(static_cast<std::uint32_t>(product_a >> 32U) ^ b[1]);
    y3_key = set(static_cast<std::uint32_t>(product_a) ^ b[2]);
  }
};

HWY_INLINE State first_rounds(const Schedule& s, V block) {
  const auto x3 = multiply(block, s.multiplier_a);
  const auto x2 = hn::Xor(high(x3), s.name_key);
  const auto y1 = multiply(x2, s.multiplier_b);
  const auto y0 = hn::Xor(high(y1), s.x1_key);
  const auto y2 = hn::Xor(x3, s.a1_key);
  const auto a = multiply(y0, s.multiplier_a);
  const auto b = multiply(y2, s.multiplier_b);
  return {hn::Xor3(high(b), y1, s.key_a[2]), b, hn::Xor(high(a), s.y3_key), a};
}

// So many vectors go through the rounds together that their multiplications hide each other's latency.
#if DARE_IS_AVX512
constexpr std::size_t k_vectors = 4;
#else
constexpr std::size_t k_vectors = 8;
#endif

template <int Round>
HWY_INLINE void round(const Schedule& s, State* states) {
  DARE_UNROLL
  for (std::size_t v = 0; v < k_vectors; ++v) {
    auto& x = states[v];
    const auto a = multiply(x.c0, s.multiplier_a);
    const auto b = multiply(x.c2, s.multiplier_b);
    x = {hn::Xor3(high(b), x.c1, s.key_a[Round]), b, hn::Xor3(high(a), x.c3, s.key_b[Round]), a};
  }
}

// The last round leaves words 0 and 1 in one 64-bit lane, 2 and 3 in another, as they go to memory; the two together are a block.
HWY_INLINE hn::Mask<D16> last_round(const Schedule& s, const State& x, hn::Vec<D16> tie, std::uint16_t* out) {
  const D64 d64;
  const D16 d16;
  const auto a = multiply(x.c0, s.multiplier_a);
  const auto b = multiply(x.c2, s.multiplier_b);
  const auto front = hn::BitCast(d64, hn::Xor3(hn::Shuffle2301(b), hn::And(x.c1, s.low_half), s.key_a[9]));
  const auto back = hn::BitCast(d64, hn::Xor3(hn::Shuffle2301(a), hn::And(x.c3, s.low_half), s.key_b[9]));
  const auto lower = hn::BitCast(d16, hn::InterleaveLower(d64, front, back));
  const auto upper = hn::BitCast(d16, hn::InterleaveUpper(d64, front, back));
  hn::StoreU(lower, d16, out);
  hn::StoreU(upper, d16, out + hn::Lanes(d16));
  return hn::Or(hn::Eq(lower, tie), hn::Eq(upper, tie));
}

// The interleave takes lanes 0, 2, 4, ... first, then 1, 3, 5, ...: blocks are dealt to lanes so that memory gets them in order.
HWY_INLINE hn::Vec<D64> block_of_lane() {
  constexpr std::size_t k_lanes = hn::MaxLanes(D64());
  HWY_ALIGN std::uint64_t block[k_lanes];
  for (std::size_t i = 0; i < k_lanes; ++i) block[i] = i / 2 + (i & 1U) * (k_lanes / 2);
  return hn::Load(D64(), block);
}

bool fill_run(const BlockRun& run, std::size_t blocks, std::uint16_t tie_value, std::uint16_t* out) {
  const D64 d64;
  const D16 d16;
  constexpr std::size_t k_lanes = hn::MaxLanes(D64());
  static_assert(k_block_quantum % (k_vectors * k_lanes) == 0);
  const Schedule schedule{run, static_cast<std::uint32_t>(run.first >> 32U)};
  const auto tie = hn::Set(d16, tie_value);
  auto found = hn::Lt(tie, tie);  // none
  auto block = hn::Add(hn::Set(d64, run.first), block_of_lane());
  const auto stride = hn::Set(d64, k_lanes);
  for (std::size_t i = 0; i < blocks; i += k_vectors * k_lanes) {
    State states[k_vectors];
    DARE_UNROLL
    for (std::size_t v = 0; v < k_vectors; ++v) {
      states[v] = first_rounds(schedule, hn::BitCast(D32(), block));
      block = hn::Add(block, stride);
    }
    round<3>(schedule, states);
    round<4>(schedule, states);
    round<5>(schedule, states);
    round<6>(schedule, states);
    round<7>(schedule, states);
    round<8>(schedule, states);
    DARE_UNROLL
    for (std::size_t v = 0; v < k_vectors; ++v)
      found = hn::Or(found, last_round(schedule, states[v], tie, out + (i + v * k_lanes) * k_block_draws));
  }
  return !hn::AllFalse(d16, found);
}

std::size_t find_in(const std::uint16_t* draws, std::size_t from, std::size_t n, std::uint16_t tie_value) {
  const D16 d16;
  const auto tie = hn::Set(d16, tie_value);
  auto i = from;
  for (; i + hn::Lanes(d16) <= n; i += hn::Lanes(d16)) {
    if (!hn::AllFalse(d16, hn::Eq(hn::LoadU(d16, draws + i), tie))) break;
  }
  while (i < n && draws[i] != tie_value) ++i;
  return i;
}

#endif
}  // namespace dare::random::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::random {
HWY_EXPORT(fill_run);
HWY_EXPORT(find_in);

bool fill_draws(const BlockRun& run, std::size_t blocks, std::uint16_t tie, std::uint16_t* out) {
  // Kernels count in the low counter word alone. A run that carries into the next word, at element 2^35, ends in plain steps.
  const auto to_carry = (std::uint64_t{1} << 32U) - (run.first & 0xFFFFFFFFU);
  if (blocks <= to_carry) return HWY_DYNAMIC_DISPATCH(fill_run)(run, blocks, tie, out);
  const auto before = static_cast<std::size_t>(to_carry);
  (void)HWY_DYNAMIC_DISPATCH(fill_run)(run, before, tie, out);
  for (auto i = before; i < blocks; ++i) write_block(run, run.first + i, out + i * k_block_draws);
  return true;  // whoever asked looks for himself
}

std::size_t find_draw(const std::uint16_t* draws, std::size_t from, std::size_t n, std::uint16_t tie) {
  return HWY_DYNAMIC_DISPATCH(find_in)(draws, from, n, tie);
}

}  // namespace dare::random
#endif
