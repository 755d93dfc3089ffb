#pragma once
/// The uniforms of `compat: mergelm`: one 32-bit output of MT19937 for each.

#include <boost/random/mersenne_twister.hpp>

#include <cstdint>

namespace dare::merge {

/// Entered anywhere: forward by stepping or, further, by the jump of the engine; never twice where reading goes on.
class Mt19937Stream {
 public:
  /// Goes to output `position` of the stream of `seed` (init_genrand, its low 32 bits).
  void seek(std::uint64_t seed, std::uint64_t position) {
    const auto start = static_cast<std::uint32_t>(seed);
    if (start != seed_ || position < position_ || !started_) {
      engine_.seed(start);
      seed_ = start;
      position_ = 0;
      started_ = true;
    }
    engine_.discard(position - position_);
    position_ = position;
  }
  /// The next output as float32 in [0, 1): its low 24 bits times 2^-24.
  [[nodiscard]] float uniform() {
    ++position_;
    return static_cast<float>(engine_() & 0xFFFFFFU) * 0x1p-24F;
  }

 private:
  boost::random::mt19937 engine_;
  std::uint32_t seed_ = 0;
  std::uint64_t position_ = 0;
  bool started_ = false;
};

}  // namespace dare::merge
