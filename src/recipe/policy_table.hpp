#pragma once
/// The one table of a recipe's policies: keys of its top level, and options, whose values are one of a few words.

#include <dare/merge/settings.hpp>
#include <dare/recipe/recipe.hpp>

#include <span>
#include <string_view>
#include <variant>

namespace dare::recipe {

/// Where a recipe holds the value, which says its type; the words of the type are those of words_of() (names.hpp). A recipe that does not
/// give it has that of `Recipe{}`.
using PolicyMember = std::variant<Missing Recipe::*, Rows Recipe::*, merge::Nonfinite Recipe::*, merge::Overflow Recipe::*,
                                  merge::Rounding Recipe::*, merge::Compat Recipe::*>;

struct PolicyRow {
  std::string_view key;  ///< also the option's name
  PolicyMember member;
  std::string_view value_name;  ///< of the option
  std::string_view help;        ///< of the option, without the words and the default
};

/// All, in the order of manifests.
[[nodiscard]] std::span<const PolicyRow> policies() noexcept;

/// Calls `act` with each row and the member that holds its value.
template <class Act>
void for_each_policy(const Act& act) {
  for (const auto& row : policies()) std::visit([&](auto member) { act(row, member); }, row.member);
}

}  // namespace dare::recipe
