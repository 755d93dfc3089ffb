#include "merge/ranked_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace dare::merge {
namespace {

template <class Key>
std::vector<std::uint32_t> expected(const std::vector<Key>& keys) {
  std::vector<std::uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return keys[a] < keys[b]; });
  std::vector<std::uint32_t> ranks(keys.size());
  for (std::uint32_t rank = 0; rank < keys.size(); ++rank) ranks[order[rank]] = rank;
  return ranks;
}

// Rows of several lengths come to the same places, each with keys of its own and then with those that it had.
template <class Key>
void check() {
  RankedRows rows;
  std::mt19937_64 generator{7};
  for (const std::size_t size : {1U, 2U, 300U, 1000U, 40'000U}) {
    for (std::size_t model = 0; model < 2; ++model) {
      for (const std::uint64_t number : {0U, 1U, 200U}) {
        for (const std::uint64_t values : {3U, 70'000U}) {
          std::vector<Key> keys(size);
          for (auto& key : keys) key = static_cast<Key>((generator() % values) << (8 * sizeof(Key) - 18));
          const auto ranks = expected(keys);
          for (int again = 0; again < 2; ++again) {
            std::vector<std::uint32_t> got;
            rows.find(model, number * size, std::span<const Key>{keys}, got);
            EXPECT_TRUE(got == ranks) << size << ' ' << number;
          }
        }
      }
    }
  }
}

TEST(RankedRows, AreThoseOfAStableSortWhateverWasThereBefore) {
  check<std::uint32_t>();
  check<std::uint64_t>();
}

}  // namespace
}  // namespace dare::merge
