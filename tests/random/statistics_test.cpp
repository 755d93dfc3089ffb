#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

// Seeds are fixed, so these pass always or never. A chi-square of 255 degrees of freedom has mean 255 and deviation sqrt(510) = 22.6:
// beyond 6 deviations (a true generator: about once in 10^8) a test fails.
namespace dare::random {
namespace {

constexpr std::size_t k_draws = std::size_t{1} << 21U;
constexpr double k_limit = 6;

struct Histogram {
  std::array<std::uint64_t, 256> counts{};
  void add(std::size_t bin) { ++counts.at(bin); }
  /// Deviations of chi-square from its mean, all bins being equally likely.
  [[nodiscard]] double deviations() const {
    double total = 0;
    for (const auto count : counts) total += static_cast<double>(count);
    const auto expected = total / 256;
    double sum = 0;
    for (const auto count : counts) sum += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
    return (sum - 255) / std::sqrt(510.0);
  }
};

std::vector<std::uint16_t> draws_of(const DropStream& stream, std::uint64_t first = 0) {
  std::vector<std::uint16_t> draws(k_draws);
  stream.high_halves(first, draws);
  return draws;
}

// One bit from each of 8 runs of draws, element by element: 256 equally likely patterns if the runs are independent.
Histogram patterns(const std::vector<std::vector<std::uint16_t>>& runs, std::uint16_t limit) {
  Histogram histogram;
  for (std::size_t i = 0; i < k_draws; ++i) {
    std::size_t pattern = 0;
    for (std::size_t run = 0; run < 8; ++run) pattern |= static_cast<std::size_t>(runs[run][i] < limit) << run;
    histogram.add(pattern);
  }
  return histogram;
}

TEST(Statistics, DropRate) {
  for (const auto p : {0.01, 0.1, 0.3, 0.5, 0.9, 0.99, 0.999}) {
    const DropStream stream{42, 0, "model.layers.0.self_attn.q_proj.weight"};
    const auto threshold = drop_threshold(p);
    auto draws = draws_of(stream);
    const auto limit = stream.settle(0, threshold, draws);
    double dropped = 0;
    for (const auto draw : draws) dropped += draw < limit ? 1 : 0;
    const auto n = static_cast<double>(k_draws);
    EXPECT_NEAR(dropped, n * p, 5 * std::sqrt(n * p * (1 - p))) << p;
  }
}

TEST(Statistics, BothBytesOfADrawAreUniform) {
  Histogram high;
  Histogram low;
  for (const auto draw : draws_of({1, 2, "w"})) {
    high.add(draw >> 8U);
    low.add(draw & 0xFFU);
  }
  EXPECT_LT(std::abs(high.deviations()), k_limit);
  EXPECT_LT(std::abs(low.deviations()), k_limit);
}

TEST(Statistics, RefinementIsIndependentOfTheDraw) {
  const DropStream stream{1, 2, "w"};
  Histogram joint;
  for (std::uint64_t e = 0; e < (std::uint64_t{1} << 17U); ++e) {
    const auto uniform = stream.uniform(e);
    joint.add(((uniform >> 28U) << 4U) | ((uniform >> 12U) & 0xFU));
  }
  EXPECT_LT(std::abs(joint.deviations()), k_limit);
}

TEST(Statistics, LanesOfABlockAreIndependent) {
  for (const auto bit : {15U, 8U, 0U}) {  // of the draw; 15 is what p = 0.5 asks
    const auto draws = draws_of({5, 0, "lanes"});
    Histogram histogram;
    for (std::size_t block = 0; block < k_draws / 8; ++block) {
      std::size_t pattern = 0;
      for (std::size_t lane = 0; lane < 8; ++lane) pattern |= static_cast<std::size_t>((draws[8 * block + lane] >> bit) & 1U) << lane;
      histogram.add(pattern);
    }
    EXPECT_LT(std::abs(histogram.deviations()), k_limit) << bit;
  }
}

TEST(Statistics, StreamsAreIndependent) {
  std::vector<std::vector<std::uint16_t>> runs;
  for (std::uint64_t stream = 0; stream < 8; ++stream) runs.push_back(draws_of({42, stream, "w"}));
  EXPECT_LT(std::abs(patterns(runs, 0x8000).deviations()), k_limit);
}

TEST(Statistics, SeedsAreIndependent) {
  std::vector<std::vector<std::uint16_t>> runs;
  for (std::uint64_t seed = 0; seed < 8; ++seed) runs.push_back(draws_of({seed, 0, "w"}));
  EXPECT_LT(std::abs(patterns(runs, 0x8000).deviations()), k_limit);
}

TEST(Statistics, NeighbouringTensorsAreIndependent) {
  std::vector<std::vector<std::uint16_t>> runs;
  for (int layer = 0; layer < 8; ++layer) runs.push_back(draws_of({42, 0, fmt::format("model.layers.{}.mlp.up_proj.weight", layer)}));
  EXPECT_LT(std::abs(patterns(runs, 0x8000).deviations()), k_limit);
}

TEST(Statistics, ElementsAtADistanceAreIndependent) {
  for (const std::uint64_t distance : {1U, 2U, 4U, 8U, 16U, 64U, 1024U, 4096U}) {
    std::vector<std::vector<std::uint16_t>> runs;
    for (std::uint64_t i = 0; i < 8; ++i) runs.push_back(draws_of({42, 0, "w"}, i * distance));
    // Overlapping windows are not independent samples: every eighth window of 8 bits at most, by element blocks of 8 * distance.
    Histogram histogram;
    for (std::size_t start = 0; start + 8 * distance <= k_draws; start += 8 * distance) {
      for (std::size_t i = start; i < start + distance; ++i) {
        std::size_t pattern = 0;
        for (std::size_t run = 0; run < 8; ++run) pattern |= static_cast<std::size_t>(runs[run][i] >> 15U) << run;
        histogram.add(pattern);
      }
    }
    EXPECT_LT(std::abs(histogram.deviations()), k_limit) << distance;
  }
}

// Two models at p_0 and p_1 keep the same element with probability (1 - p_0)(1 - p_1).
TEST(Statistics, OverlapOfTwoStreams) {
  const auto first = draws_of({42, 0, "w"});
  const auto second = draws_of({42, 1, "w"});
  double both = 0;
  for (std::size_t i = 0; i < k_draws; ++i) both += first[i] >= 0xC000 && second[i] >= 0xE000 ? 1 : 0;  // kept: 1/4 and 1/8
  const auto n = static_cast<double>(k_draws);
  EXPECT_NEAR(both, n / 32, 5 * std::sqrt(n / 32 * (31.0 / 32)));
}

// What the checks above must see: one stream used twice, a biased draw, a lane that repeats its neighbour.
TEST(Statistics, FaultsAreSeen) {
  std::vector<std::vector<std::uint16_t>> runs;
  for (std::uint64_t stream = 0; stream < 7; ++stream) runs.push_back(draws_of({42, stream, "w"}));
  runs.push_back(runs.front());
  EXPECT_GT(patterns(runs, 0x8000).deviations(), 1000);
  runs.back() = draws_of({42, 7, "w"});
  EXPECT_GT(patterns(runs, 0x8200).deviations(), k_limit);  // p = 0.508 taken for 0.5
}

}  // namespace
}  // namespace dare::random
