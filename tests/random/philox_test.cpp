#include <dare/random/philox.hpp>

#include <gtest/gtest.h>
#include <boost/random/bernoulli_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/seed_seq.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <boost/random/variate_generator.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <sstream>
#include <vector>

namespace dare::random {
namespace {

static_assert(std::uniform_random_bit_generator<Philox>);
static_assert(std::is_same_v<Philox::result_type, std::uint32_t>);
static_assert(!Philox::has_fixed_range);
static_assert(philox4x32_10({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});

TEST(Philox, KnownAnswersOfRandom123) {
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32_10({ones, ones, ones, ones}, {ones, ones}), (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, GivesTheWordsOfConsecutiveCounters) {
  Philox engine{0x299f31d0a4093822, 0x0370734413198a2e};
  for (std::uint32_t block = 0; block < 5; ++block) {
    for (const auto word : philox4x32_10({block, 0, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0})) EXPECT_EQ(engine(), word);
  }
}

TEST(Philox, DiscardEqualsStepping) {
  for (const unsigned before : {0U, 1U, 3U, 4U, 9U}) {
    for (const unsigned skipped : {0U, 1U, 2U, 3U, 4U, 5U, 1000U}) {
      Philox stepped{7};
      Philox jumped{7};
      for (unsigned i = 0; i < before; ++i) EXPECT_EQ(stepped(), jumped());
      for (unsigned i = 0; i < skipped; ++i) stepped();
      jumped.discard(skipped);
      EXPECT_EQ(stepped, jumped);
      for (unsigned i = 0; i < 9; ++i) EXPECT_EQ(stepped(), jumped()) << before << ' ' << skipped << ' ' << i;
    }
  }
}

TEST(Philox, DiscardReachesAnyWordAtOnce) {
  Philox engine{1, 2};
  engine.discard((std::uint64_t{5} << 34U) + 3);  // block 5 * 2^32, word 3
  EXPECT_EQ(engine(), philox4x32_10({0, 5, 2, 0}, {1, 0})[3]);
  EXPECT_EQ(engine(), philox4x32_10({1, 5, 2, 0}, {1, 0})[0]);
}

TEST(Philox, EqualityStateAndSeeding) {
  Philox engine{3};
  for (int i = 0; i < 6; ++i) engine();
  std::stringstream text;
  text << engine;
  EXPECT_EQ(text.str(), "3 0 6");
  Philox read;
  EXPECT_FALSE(read == engine);
  text >> read;
  EXPECT_TRUE(read == engine);
  EXPECT_EQ(read(), engine());
  engine.seed(3);
  EXPECT_EQ(engine, Philox{3});
  engine.seed();
  EXPECT_EQ(engine, Philox{});
  EXPECT_NE(Philox{3}, Philox{4});
  EXPECT_NE((Philox{3, 0}), (Philox{3, 1}));
}

TEST(Philox, SeedSequence) {
  boost::random::seed_seq same{1, 2, 3};
  boost::random::seed_seq other{1, 2, 4};
  EXPECT_EQ(Philox{same}, Philox{same});
  EXPECT_NE(Philox{same}, Philox{other});
  Philox engine;
  engine.seed(same);
  EXPECT_EQ(engine, Philox{same});
}

TEST(Philox, GenerateFillsARange) {
  Philox a{11};
  Philox b{11};
  std::array<std::uint32_t, 7> words{};
  a.generate(words.begin(), words.end());
  for (const auto word : words) EXPECT_EQ(word, b());
  EXPECT_EQ(a, b);
}

// Means of n draws lie within 5 standard errors.
TEST(Philox, BoostDistributionsRunOnIt) {
  constexpr int n = 200000;
  Philox engine{2024};
  boost::random::uniform_01<double> unit;
  boost::random::normal_distribution<double> normal{3, 2};
  boost::random::bernoulli_distribution<double> coin{0.9};
  boost::random::uniform_int_distribution<int> die{1, 6};
  double sum_unit = 0;
  double sum_normal = 0;
  double squares = 0;
  int heads = 0;
  std::array<int, 6> faces{};
  for (int i = 0; i < n; ++i) {
    const auto u = unit(engine);
    ASSERT_TRUE(u >= 0 && u < 1);
    sum_unit += u;
    const auto x = normal(engine);
    sum_normal += x;
    squares += (x - 3) * (x - 3);
    heads += coin(engine) ? 1 : 0;
    ++faces.at(static_cast<std::size_t>(die(engine) - 1));
  }
  const auto root = std::sqrt(double{n});
  EXPECT_NEAR(sum_unit / n, 0.5, 5 * std::sqrt(1.0 / 12) / root);
  EXPECT_NEAR(sum_normal / n, 3, 5 * 2 / root);
  EXPECT_NEAR(squares / n, 4, 5 * 4 * std::sqrt(2.0) / root);
  EXPECT_NEAR(heads, 0.9 * n, 5 * root * 0.3);
  for (const auto face : faces) EXPECT_NEAR(face, n / 6.0, 5 * root * std::sqrt(5.0) / 6);
}

TEST(Philox, BoostVariateGenerator) {
  boost::random::variate_generator<Philox, boost::random::uniform_01<double>> next{Philox{5}, {}};
  Philox engine{5};
  boost::random::uniform_01<double> unit;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(next(), unit(engine));
}

TEST(Philox, StandardDistributionsRunOnIt) {
  Philox engine{6};
  std::uniform_int_distribution<int> bit{0, 1};
  int ones = 0;
  for (int i = 0; i < 10000; ++i) ones += bit(engine);
  EXPECT_NEAR(ones, 5000, 250);
}

}  // namespace
}  // namespace dare::random
