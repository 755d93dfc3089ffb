#pragma once
/// The words of recipes for enumerated values, one table each.

#include <dare/core/plural.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/recipe/recipe.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace dare::recipe {

template <class Enum, std::size_t N>
using Words = std::array<std::pair<std::string_view, Enum>, N>;

inline constexpr Words<Missing, 3> k_missing{{{"error", Missing::error}, {"base", Missing::base}, {"skip", Missing::skip}}};
inline constexpr Words<Rows, 3> k_rows{{{"error", Rows::error}, {"base", Rows::base}, {"extend", Rows::extend}}};
inline constexpr Words<merge::Nonfinite, 2> k_nonfinite{{{"error", merge::Nonfinite::error}, {"keep", merge::Nonfinite::keep}}};
inline constexpr Words<merge::Overflow, 2> k_overflow{{{"error", merge::Overflow::error}, {"saturate", merge::Overflow::saturate}}};
inline constexpr Words<merge::Rounding, 2> k_rounding{{{"nearest", merge::Rounding::nearest}, {"stochastic", merge::Rounding::stochastic}}};
inline constexpr Words<merge::Compat, 3> k_compat{
    {{"none", merge::Compat::none}, {"mergelm", merge::Compat::mergelm}, {"mergekit", merge::Compat::mergekit}}};
inline constexpr Words<merge::Sign, 2> k_sign{{{"weighted", merge::Sign::weighted}, {"unweighted", merge::Sign::unweighted}}};
inline constexpr Words<merge::Scope, 2> k_scope{{{"tensor", merge::Scope::tensor}, {"model", merge::Scope::model}}};
inline constexpr Words<merge::Rescale, 3> k_rescale{
    {{"none", merge::Rescale::none}, {"expected", merge::Rescale::expected}, {"l1", merge::Rescale::l1}}};

/// The words of a policy's or a parameter's type.
constexpr const auto& words_of(Missing) noexcept {
  return k_missing;
}
constexpr const auto& words_of(Rows) noexcept {
  return k_rows;
}
constexpr const auto& words_of(merge::Nonfinite) noexcept {
  return k_nonfinite;
}
constexpr const auto& words_of(merge::Overflow) noexcept {
  return k_overflow;
}
constexpr const auto& words_of(merge::Rounding) noexcept {
  return k_rounding;
}
constexpr const auto& words_of(merge::Compat) noexcept {
  return k_compat;
}
constexpr const auto& words_of(merge::Sign) noexcept {
  return k_sign;
}
constexpr const auto& words_of(merge::Scope) noexcept {
  return k_scope;
}
constexpr const auto& words_of(merge::Rescale) noexcept {
  return k_rescale;
}

template <class Enum, std::size_t N>
constexpr std::string_view word_for(const Words<Enum, N>& words, Enum value) {
  return std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.second == value; })->first;
}

template <class Enum, std::size_t N>
constexpr std::optional<Enum> value_of(const Words<Enum, N>& words, std::string_view text) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.first == text; });
  return found == words.end() ? std::nullopt : std::optional{found->second};
}

/// "error, base or skip".
template <class Enum, std::size_t N>
std::string one_of(const Words<Enum, N>& words) {
  std::array<std::string_view, N> names;
  std::transform(words.begin(), words.end(), names.begin(), [](const auto& word) { return word.first; });
  return dare::one_of(names);
}

}  // namespace dare::recipe
