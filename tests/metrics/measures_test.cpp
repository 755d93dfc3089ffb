#include <dare/metrics/bootstrap.hpp>
#include <dare/metrics/classification.hpp>
#include <dare/metrics/correlation.hpp>
#include <dare/metrics/pass_at_k.hpp>
#include <dare/metrics/win_rate.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>

namespace dare::metrics {
namespace {

using nlohmann::json;
using testing::ElementsAre;

constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();

// Made by tests/metrics/make_expected.py with scikit-learn, scipy and numpy.
const json& expected() {
  static const auto all = json::parse(std::ifstream{DARE_TEST_DATA "/metrics/expected.json"});
  return all;
}

void expect_same(double found, const json& wanted, double tolerance = 1e-13) {
  if (wanted.is_null()) {
    EXPECT_TRUE(std::isnan(found)) << found;
  } else {
    EXPECT_NEAR(found, wanted.get<double>(), tolerance);
  }
}

ClassCounts counts(std::vector<std::uint32_t> predicted, std::vector<std::uint32_t> actual) {
  return count(predicted, actual, 4);
}

TEST(Classification, HandWorked) {
  // Right 1: predicted 1, 1, 1, 0; right 0: predicted 1, 0. TP 3, FN 1, FP 1, TN 1.
  const auto c = counts({1, 1, 1, 0, 1, 0}, {1, 1, 1, 1, 0, 0});
  EXPECT_DOUBLE_EQ(accuracy(c), 4.0 / 6);
  EXPECT_DOUBLE_EQ(f1(c, 1), 6.0 / 8);
  EXPECT_DOUBLE_EQ(f1(c, 0), 2.0 / 4);
  EXPECT_DOUBLE_EQ(macro_f1(c), 0.625);
  EXPECT_DOUBLE_EQ(matthews(c), (3.0 * 1 - 1 * 1) / std::sqrt(4.0 * 4 * 2 * 2));
}

TEST(Classification, AsScikitLearn) {
  ASSERT_GE(expected().at("classification").size(), 20U);
  for (const auto& it : expected().at("classification")) {
    SCOPED_TRACE(it.dump());
    const auto c = counts(it.at("predicted"), it.at("actual"));
    expect_same(accuracy(c), it.at("accuracy"));
    for (std::size_t k = 0; k < 4; ++k) expect_same(f1(c, k), it.at("f1").at(k));
    expect_same(macro_f1(c), it.at("macro_f1"));
    expect_same(matthews(c), it.at("matthews"));
  }
}

TEST(Classification, MatthewsOfPerfectPredictionsIsOne) {
  for (std::uint32_t n = 2; n < 200; ++n) {
    std::vector<std::uint32_t> labels(n);
    for (std::uint32_t i = 0; i < n; ++i) labels[i] = i % 3 == 0 ? 1 : 0;
    EXPECT_EQ(matthews(counts(labels, labels)), 1.0) << n;
    auto wrong = labels;
    for (auto& label : wrong) label = 1 - label;
    EXPECT_GE(matthews(counts(wrong, labels)), -1.0) << n;
  }
}

TEST(Classification, NoExamplesHaveNoValue) {
  const auto c = counts({}, {});
  for (const auto value : {accuracy(c), f1(c, 0), macro_f1(c), matthews(c)}) EXPECT_TRUE(std::isnan(value));
}

TEST(Classification, CountsASampleWithRepetitions) {
  const std::vector<std::uint32_t> predicted{0, 1, 1};
  const std::vector<std::uint32_t> actual{0, 0, 1};
  const std::vector<std::uint32_t> sample{1, 1, 2};
  const auto c = count(predicted, actual, 2, sample);
  EXPECT_EQ(c.examples, 3U);
  EXPECT_THAT(c.correct, ElementsAre(0, 1));
  EXPECT_THAT(c.predicted, ElementsAre(0, 3));
  EXPECT_THAT(c.actual, ElementsAre(2, 1));
}

TEST(Correlation, RanksOfTiesAreShared) {
  EXPECT_THAT(ranks(std::vector{3.0, 1.0, 3.0, 2.0, 3.0}), ElementsAre(4, 1, 4, 2, 4));
  EXPECT_THAT(ranks(std::vector<double>{}), ElementsAre());
}

TEST(Correlation, HandWorked) {
  // Means 2 and 3; deviations (-1, 0, 1) and (-2, 1, 1): 3 / sqrt(2 * 6).
  EXPECT_NEAR(pearson(std::vector{1.0, 2.0, 3.0}, std::vector{1.0, 4.0, 4.0}), 3 / std::sqrt(12.0), 1e-15);
  // Ranks (1, 2, 3) and (1, 2.5, 2.5): 1.5 / sqrt(2 * 1.5).
  EXPECT_NEAR(spearman(std::vector{1.0, 2.0, 3.0}, std::vector{1.0, 4.0, 4.0}), 1.5 / std::sqrt(3.0), 1e-15);
}

TEST(Correlation, OfEqualValuesIsOne) {
  for (std::size_t n = 2; n < 200; ++n) {
    std::vector<double> x(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = std::sqrt(static_cast<double>(i * i % 17));
    x.back() = 9;
    EXPECT_EQ(pearson(x, x), 1.0) << n;
    EXPECT_EQ(spearman(x, x), 1.0) << n;
  }
}

TEST(Correlation, AsScipy) {
  ASSERT_GE(expected().at("correlation").size(), 10U);
  for (const auto& it : expected().at("correlation")) {
    SCOPED_TRACE(it.dump());
    const std::vector<double> x = it.at("x");
    const std::vector<double> y = it.at("y");
    // Near 1e9 half of the digits cancel, there and here.
    expect_same(pearson(x, y), it.at("pearson"), x[0] == 1e9 ? 1e-7 : 1e-13);
    expect_same(spearman(x, y), it.at("spearman"));
  }
}

TEST(Correlation, HasNoValueWithoutPairsOrWithNaN) {
  for (const auto function : {pearson, spearman}) {
    EXPECT_TRUE(std::isnan(function(std::vector<double>{}, std::vector<double>{})));
    EXPECT_TRUE(std::isnan(function(std::vector{1.0}, std::vector{2.0})));
    EXPECT_TRUE(std::isnan(function(std::vector{1.0, k_nan, 3.0}, std::vector{1.0, 2.0, 3.0})));
    EXPECT_TRUE(std::isnan(function(std::vector{1.0, 2.0, 3.0}, std::vector{k_nan, 2.0, 3.0})));
  }
  const auto infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(pearson(std::vector{1.0, infinity, 3.0}, std::vector{1.0, 2.0, 3.0})));
  EXPECT_DOUBLE_EQ(spearman(std::vector{1.0, infinity, 3.0}, std::vector{1.0, 9.0, 3.0}), 1);
}

TEST(PassAtK, AsTheExactFraction) {
  ASSERT_GE(expected().at("pass_at_k").size(), 20U);
  for (const auto& it : expected().at("pass_at_k")) {
    SCOPED_TRACE(it.dump());
    expect_same(pass_at_k(it.at("n"), it.at("c"), it.at("k")), it.at("value"));
  }
}

TEST(PassAtK, OfManySamplesNeitherOverflowsNorVanishes) {
  EXPECT_NEAR(pass_at_k(100'000, 50'000, 1), 0.5, 1e-10);
}

TEST(WinRate, AsPandasAndScipy) {
  ASSERT_GE(expected().at("win_rate").size(), 5U);
  for (const auto& it : expected().at("win_rate")) {
    SCOPED_TRACE(it.dump());
    const std::vector<double> preferences = it.at("preferences");
    const auto rates = win_rate(preferences);
    expect_same(rates.rate, it.at("rate"));
    expect_same(rates.standard_error, it.at("standard_error"));
    EXPECT_EQ(rates.wins + rates.losses + rates.ties, preferences.size());
  }
}

TEST(WinRate, TiesAreHalves) {
  const auto rates = win_rate(std::vector<double>{2, 2, 1, 1.5, 0, 1.9});
  EXPECT_EQ(rates.wins, 3U);
  EXPECT_EQ(rates.losses, 1U);
  EXPECT_EQ(rates.ties, 2U);
  EXPECT_DOUBLE_EQ(rates.discrete_rate, 4.0 / 6);
  EXPECT_DOUBLE_EQ(rates.rate, (1 + 1 + 0 + 0.5 + 0.5 + 0.9) / 6);
}

TEST(Bootstrap, DrawsAndQuantilesAreThoseOfThePaperAndNumpy) {
  ASSERT_GE(expected().at("bootstrap").size(), 3U);
  for (const auto& it : expected().at("bootstrap")) {
    const std::vector<double> values = it.at("values");
    std::vector<std::uint32_t> first;
    const auto mean = [&](std::span<const std::uint32_t> sample) {
      if (first.empty()) first.assign(sample.begin(), sample.end());
      return std::accumulate(sample.begin(), sample.end(), 0.0, [&](double sum, std::uint32_t i) { return sum + values[i]; }) /
             static_cast<double>(sample.size());
    };
    const auto interval = bootstrap(values.size(), mean, {it.at("resamples"), it.at("confidence"), it.at("seed")});
    EXPECT_EQ(first, it.at("first").get<std::vector<std::uint32_t>>());
    expect_same(interval.low, it.at("low"));
    expect_same(interval.high, it.at("high"));
    EXPECT_EQ(interval.undefined, 0U);
  }
}

TEST(Bootstrap, LeavesOutResamplesWithoutAValue) {
  unsigned calls = 0;
  const auto every_second = [&](std::span<const std::uint32_t>) { return ++calls % 2 == 0 ? 7.0 : k_nan; };
  const auto interval = bootstrap(5, every_second, {10, 0.9, 1});
  EXPECT_EQ(interval.undefined, 5U);
  EXPECT_EQ(interval.low, 7.0);
  EXPECT_EQ(interval.high, 7.0);
  const auto none = bootstrap(5, [](std::span<const std::uint32_t>) { return k_nan; }, {10, 0.9, 1});
  EXPECT_EQ(none.undefined, 10U);
  EXPECT_TRUE(std::isnan(none.low) && std::isnan(none.high));
}

}  // namespace
}  // namespace dare::metrics
