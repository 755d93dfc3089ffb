#include "merge/ranked_rows.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace dare::merge {
namespace {

template <class Key>
struct Keyed {
  Key key;
  std::uint32_t element;  // of the row
};

// By bytes, the lowest first: a sort that compares takes most of a merge's time.
template <class Key>
void rank(std::span<const Key> keys, std::vector<std::uint32_t>& ranks) {
  constexpr std::size_t k_digits = sizeof(Key);
  const auto digit = [](Key key, std::size_t d) { return static_cast<std::uint8_t>(key >> (8 * d)); };
  std::array<std::array<std::uint32_t, 256>, k_digits> places{};  // by digit: how many have it, then where the next of them goes
  std::vector<Keyed<Key>> row(keys.size());
  std::vector<Keyed<Key>> sorted(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    row[i] = {keys[i], static_cast<std::uint32_t>(i)};
    for (std::size_t d = 0; d < k_digits; ++d) ++places[d][digit(keys[i], d)];
  }
  for (std::size_t d = 0; d < k_digits; ++d) {
    auto& next = places[d];
    if (next[digit(keys.front(), d)] == keys.size()) continue;
    std::exclusive_scan(next.begin(), next.end(), next.begin(), std::uint32_t{0});
    for (const auto& one : row) sorted[next[digit(one.key, d)]++] = one;
    row.swap(sorted);
  }
  ranks.resize(keys.size());
  for (std::uint32_t at = 0; at < keys.size(); ++at) ranks[row[at].element] = at;
}

}  // namespace

template <class Key>
void RankedRows::find_in(Rows<Key>& rows, std::size_t model, std::uint64_t first, std::span<const Key> keys,
                         std::vector<std::uint32_t>& ranks) {
  if (keys.size() > k_longest) return rank(keys, ranks);
  if (rows.size() <= model) rows.resize(model + 1);
  auto& of_model = rows[model];
  const auto places = static_cast<std::size_t>(k_longest) / keys.size();
  const auto place = static_cast<std::size_t>(first / keys.size() % places);
  if (of_model.size() <= place) of_model.resize(place + 1);
  auto& row = of_model[place];
  if (!std::equal(keys.begin(), keys.end(), row.keys.begin(), row.keys.end())) {
    rank(keys, row.ranks);
    row.keys.assign(keys.begin(), keys.end());
  }
  ranks.assign(row.ranks.begin(), row.ranks.end());
}

template void RankedRows::find_in<std::uint32_t>(Rows<std::uint32_t>&, std::size_t, std::uint64_t, std::span<const std::uint32_t>,
                                                 std::vector<std::uint32_t>&);
template void RankedRows::find_in<std::uint64_t>(Rows<std::uint64_t>&, std::size_t, std::uint64_t, std::span<const std::uint64_t>,
                                                 std::vector<std::uint32_t>&);

}  // namespace dare::merge
