#include "support/targets.hpp"

#include <dare/random/drop_stream.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace dare::random {
namespace {

constexpr std::uint64_t k_carry = std::uint64_t{1} << 35U;  // the element whose block counter carries into the next word

// Says which kernels the other tests here run, and that a machine with vectors has not lost them.
TEST(Targets, OfThisMachine) {
  std::int64_t all = 0;
  std::string names;
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    all |= target;
    names += std::string{" "} + hwy::TargetName(target);
  }
  std::cout << "targets:" << names << '\n';
  RecordProperty("targets", names);
#if defined(__aarch64__)
  EXPECT_NE(all & HWY_NEON, 0);
#elif defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) { EXPECT_NE(all & HWY_SSE4, 0); }
#endif
}

TEST(DropThreshold, RoundsHalfUp) {
  EXPECT_EQ(drop_threshold(0), 0U);
  EXPECT_EQ(drop_threshold(1), std::uint64_t{1} << 32U);
  EXPECT_EQ(drop_threshold(0.5), std::uint64_t{1} << 31U);
  EXPECT_EQ(drop_threshold(0.9), 3865470566U);
  EXPECT_EQ(drop_threshold(0x1p-33), 1U);
  EXPECT_EQ(drop_threshold(0x1.ffffffp-34), 0U);
}

TEST(DropStream, HighHalvesAreThoseOfTheUniforms) {
  const DropStream stream{42, 7, "model.layers.3.mlp.up_proj.weight"};
  test::on_each_target([&] {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1000003}, k_carry - 300, k_carry + 1}) {
      for (std::size_t n = 0; n <= 520; n = n < 70 ? n + 1 : n + 37) {
        std::vector<std::uint16_t> high(n + 2, 0xABCD);
        stream.high_halves(first, std::span{high}.subspan(1, n));
        EXPECT_EQ(high.front(), 0xABCD);
        EXPECT_EQ(high.back(), 0xABCD);
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(high[i + 1], stream.uniform(first + i) >> 16U) << first << " + " << i << " of " << n;
      }
    }
  });
}

TEST(DropStream, HighHalvesBeyondOneBuffer) {
  const DropStream stream{0, 0, "w"};
  test::on_each_target([&] {
    std::vector<std::uint16_t> high(5000);
    stream.high_halves(k_carry - 2501, high);
    for (std::size_t i = 0; i < high.size(); ++i) ASSERT_EQ(high[i], stream.uniform(k_carry - 2501 + i) >> 16U) << i;
  });
}

// Thresholds whose high half ties with draws that occur: each element of the run in turn.
TEST(DropStream, TiesAreSettledByTheRefinement) {
  const DropStream stream{1, 2, "tie"};
  constexpr std::uint64_t first = 77;
  constexpr std::size_t n = 100;
  test::on_each_target([&] {
    int dropped_ties = 0;
    for (std::size_t chosen = 0; chosen < n; ++chosen) {
      const auto uniform = std::uint64_t{stream.uniform(first + chosen)};
      for (const auto threshold : {uniform, uniform + 1, uniform & 0xFFFF0000U, (uniform & 0xFFFF0000U) | 1U}) {
        if (threshold >> 32U != 0) continue;
        std::vector<std::uint16_t> high(n);
        stream.high_halves(first, high);
        const auto limit = stream.settle(first, threshold, high);
        std::vector<std::uint16_t> room(DropStream::room_for(n));
        const auto settled = stream.settled(first, n, threshold, room);
        std::vector<std::uint16_t> shared_room(DropStream::room_for(n));
        const auto shared = stream.high_halves(first, n, shared_room);
        const std::vector<std::uint16_t> before{shared.begin(), shared.end()};
        std::vector<std::uint16_t> other_room(DropStream::room_for(n));
        const auto from_shared = stream.settled(first, shared, threshold, other_room);
        for (std::size_t i = 0; i < n; ++i) {
          const auto expected = stream.dropped(first + i, threshold);
          ASSERT_EQ(high[i] < limit, expected) << chosen << ' ' << i;
          ASSERT_EQ(settled.draws[i] < settled.limit, expected) << chosen << ' ' << i;
          ASSERT_EQ(from_shared.draws[i] < from_shared.limit, expected) << chosen << ' ' << i;
          ASSERT_EQ(shared[i], before[i]) << "draws that are shared change: " << chosen << ' ' << i;
        }
        dropped_ties += stream.dropped(first + chosen, threshold) ? 1 : 0;
      }
    }
    EXPECT_GE(dropped_ties, 100);  // uniform + 1 always drops
  });
}

// Rates below 2^-16: the high half of the threshold is 0, below which no draw lies.
TEST(DropStream, TiesAtZero) {
  const DropStream stream{3, 0, "rare"};
  test::on_each_target([&] {
    constexpr std::uint64_t threshold = 0x9000;
    std::size_t ties = 0;
    std::size_t drops = 0;
    constexpr std::size_t n = 1024;
    std::vector<std::uint16_t> room(DropStream::room_for(n));
    for (std::uint64_t first = 0; first < 400 * n; first += n) {
      std::vector<std::uint16_t> shared_room(DropStream::room_for(n));
      const auto from_shared = stream.settled(first, stream.high_halves(first, n, shared_room), threshold, room);
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(from_shared.draws[i] < from_shared.limit, stream.dropped(first + i, threshold)) << first + i;
      const auto settled = stream.settled(first, n, threshold, room);
      for (std::size_t i = 0; i < n; ++i) {
        if (settled.draws[i] > 1) continue;  // no tie, kept whatever the refinement says
        ASSERT_EQ(settled.draws[i] < settled.limit, stream.dropped(first + i, threshold)) << first + i;
        ++ties;
        drops += stream.dropped(first + i, threshold) ? 1 : 0;
      }
    }
    EXPECT_GE(ties, 2U);
    EXPECT_GE(drops, 1U);
  });
}

TEST(DropStream, MasksNestInTheRate) {
  const DropStream stream{9, 1, "nest"};
  for (std::uint64_t e = 0; e < 5000; ++e) {
    if (stream.dropped(e, drop_threshold(0.5))) { ASSERT_TRUE(stream.dropped(e, drop_threshold(0.9))); }
    ASSERT_FALSE(stream.dropped(e, drop_threshold(0)));
    ASSERT_TRUE(stream.dropped(e, drop_threshold(1)));
  }
}

TEST(DropStream, SeedStreamAndNameEachMatter) {
  const auto first_words = [](const DropStream& stream) {
    std::vector<std::uint16_t> words(64);
    stream.high_halves(0, words);
    return words;
  };
  const auto words = first_words({1, 1, "a"});
  EXPECT_EQ(words, first_words({1, 1, "a"}));
  EXPECT_NE(words, first_words({2, 1, "a"}));
  EXPECT_NE(words, first_words({1, 2, "a"}));
  EXPECT_NE(words, first_words({1, 1, "b"}));
}

}  // namespace
}  // namespace dare::random
