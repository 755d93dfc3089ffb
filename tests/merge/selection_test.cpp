/// Selections over several ranks against a sort.
#include "merge/selection.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using Keys = std::vector<std::uint64_t>;

struct Found {
  Cut cut;
  unsigned full_passes = 0;
  unsigned rounds = 0;
};

// Ranks own runs of aligned blocks; they feed odd portions.
Found select(unsigned bits, const Keys& keys, const Wanted& wanted, std::size_t ranks, std::size_t notes = Selection::k_notes) {
  const auto blocks = (keys.size() + k_sum_block - 1) / k_sum_block;
  std::vector<Selection> selections(ranks, Selection{bits, keys.size(), wanted, notes});
  Found found;
  while (!selections[0].done()) {
    ++found.rounds;
    std::vector<std::vector<std::int64_t>> sums(ranks);
    std::size_t fed = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      sums[r].assign(selections[r].size(), 0);
      selections[r].begin(sums[r]);
      const auto end = std::min<std::size_t>(keys.size(), blocks * (r + 1) / ranks * k_sum_block);
      for (auto at = std::min<std::size_t>(keys.size(), blocks * r / ranks * k_sum_block); at < end;) {
        const auto n = std::min({end - at, std::size_t{1999}, k_sum_block - at % k_sum_block});
        if (selections[r].wants(at, n)) {
          selections[r].feed(at, std::span{keys}.subspan(at, n));
          fed += n;
        }
        at += n;
      }
      selections[r].end();
    }
    found.full_passes += fed == keys.size() && fed > 2 * k_sum_block ? 1 : 0;
    for (std::size_t r = 1; r < ranks; ++r) {
      for (std::size_t i = 0; i < sums[0].size(); ++i) sums[0][i] += sums[r][i];
    }
    for (std::size_t r = 0; r < ranks; ++r) {
      std::copy(sums[0].begin(), sums[0].end(), sums[r].begin());
      selections[r].advance();
    }
  }
  found.cut = selections[0].cut();
  return found;
}

// The positions of the `count` largest; ties to the lower position, or to the higher.
std::vector<bool> by_sorting(const Keys& keys, std::size_t count, bool ties_from_end = false) {
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0U);
  if (ties_from_end) std::reverse(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return keys[a] > keys[b]; });
  std::vector<bool> selected(keys.size());
  for (std::size_t j = 0; j < count; ++j) selected[order[j]] = true;
  return selected;
}

std::vector<bool> selected_by(const Cut& cut, const Keys& keys) {
  std::vector<bool> selected(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) selected[i] = cut.selects(keys[i], i);
  return selected;
}

Keys random_keys(unsigned bits, std::size_t n, std::uint64_t distinct, std::uint32_t seed) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> normal;
  Keys keys(n);
  for (auto& key : keys) {
    const auto value = std::abs(normal(engine));
    const auto coarse = distinct == 0 ? value : std::floor(value * static_cast<double>(distinct)) / static_cast<double>(distinct);
    key = bits == 32 ? std::bit_cast<std::uint32_t>(static_cast<float>(coarse)) : std::bit_cast<std::uint64_t>(coarse);
  }
  return keys;
}

TEST(Selection, IsTheSortsAtAnyNumberOfRanks) {
  for (const unsigned bits : {32U, 64U}) {
    for (const std::uint64_t distinct : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1000}}) {
      const auto keys = random_keys(bits, 200'003, distinct, 7 + bits);
      for (const std::uint64_t rank : {1U, 2U, 5000U, 100'000U, 200'002U}) {
        const auto expected = by_sorting(keys, rank);
        for (const std::size_t ranks : {1U, 2U, 3U, 5U}) {
          const auto found = select(bits, keys, {rank, 0, false, 0}, ranks);
          ASSERT_EQ(selected_by(found.cut, keys), expected) << bits << " bits, rank " << rank << ", " << ranks << " ranks";
          EXPECT_EQ(found.full_passes, bits / 16);
        }
      }
    }
  }
}

TEST(Selection, TiesFromTheEnd) {
  const auto keys = random_keys(32, 150'000, 7, 3);
  for (const std::uint64_t rank : {1U, 777U, 75'000U}) {
    auto expected = by_sorting(keys, rank, true);
    const auto cut = select(32, keys, {rank, 0, true, 0}, 3).cut;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const bool outlier = keys[i] > cut.key || (keys[i] == cut.key && i >= cut.tie_end);
      ASSERT_EQ(outlier, expected[i]) << i;
    }
  }
}

TEST(Selection, EqualKeysNeedNoMoreThanOneBlock) {
  const Keys keys(300'000, 0x3C23D70A);
  const auto found = select(32, keys, {123'456, 0, false, 0}, 3);
  EXPECT_EQ(found.cut, (Cut{0x3C23D70A, 123'456}));
  EXPECT_EQ(found.full_passes, 2U);
  EXPECT_EQ(found.rounds, 4U);
}

TEST(Selection, TooManyNotesCostOnePassMore) {
  auto keys = random_keys(32, 250'000, 0, 11);
  for (auto& key : keys) key = 0x3F800000U | (key % 4099);  // all share the leading 16 bits
  const auto expected = by_sorting(keys, 100'000);
  for (const std::size_t ranks : {1U, 2U, 5U}) {
    const auto found = select(32, keys, {100'000, 0, false, 0}, ranks, 1000);
    EXPECT_EQ(selected_by(found.cut, keys), expected);
    EXPECT_EQ(found.full_passes, 3U);
  }
}

TEST(Selection, AShareOfTheKeysThatAreNotZero) {
  auto keys = random_keys(32, 100'000, 0, 5);
  for (std::size_t i = 0; i < keys.size(); i += 2) keys[i] = 0;
  const auto cut = select(32, keys, {0, 0, false, .25}, 2).cut;
  EXPECT_EQ(selected_by(cut, keys), by_sorting(keys, 12'500));
  EXPECT_EQ(select(32, Keys(70'000, 0), {0, 0, false, .25}, 2).cut, Cut::nothing());
}

}  // namespace
}  // namespace dare::merge
