#include "recipe/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dare::recipe {
namespace {

constexpr std::size_t k_most_edits = 2;  // of a slip of the hand
constexpr std::size_t k_short_word = 4;  // characters; two edits make any of them another
constexpr std::size_t k_most_compared = 40;

}  // namespace

std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;  // of the character before that of `above`
  std::vector<std::size_t> above;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    before = std::exchange(above, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({row[j] + 1, above[j + 1] + 1, above[j] + (a[i] == b[j] ? 0 : 1)});
      if (i != 0 && j != 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row.back();
}

std::optional<std::string_view> nearest_of(std::string_view found, const std::vector<std::string_view>& known) {
  const auto word = found.substr(0, k_most_compared);
  const auto nearest =
      *std::min_element(known.begin(), known.end(), [&](auto a, auto b) { return edits_between(word, a) < edits_between(word, b); });
  const auto edits = edits_between(word, nearest);
  const auto most = std::min(word.size(), nearest.size()) <= k_short_word ? 1 : k_most_edits;
  return edits <= most && edits < nearest.size() ? std::optional{nearest} : std::nullopt;
}

}  // namespace dare::recipe
