#pragma once
/// The one table of what stands under `parameters`: the keys of recipes, options and sweeps, their ranges, and who takes them.

#include "recipe/range.hpp"

#include <dare/merge/method.hpp>
#include <dare/recipe/recipe.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace dare::recipe {

/// Where a recipe holds the value, which says its type, and whether it stands per model (Parameters) or for all models alone.
using ParameterMember = std::variant<std::optional<Setting> Parameters::*, std::optional<merge::Rescale> Parameters::*,
                                     std::optional<Setting> MethodParameters::*, std::optional<bool> MethodParameters::*,
                                     std::optional<double> MethodParameters::*, std::optional<std::uint64_t> MethodParameters::*,
                                     std::optional<merge::Sign> MethodParameters::*, std::optional<merge::Scope> MethodParameters::*>;

struct ParameterRow {
  std::string_view key;
  ParameterMember member;
  std::optional<merge::Parameter> taken_as;  ///< nothing: by the methods that have a sparsifier
  Range range;                               ///< of numbers
  std::string_view value_name;               ///< of the option
  std::string_view help;                     ///< of the option
  std::string_view otherwise;                ///< the default in words; empty: none
};

/// All, in the order of manifests.
[[nodiscard]] std::span<const ParameterRow> parameters() noexcept;
/// nullptr: there is none.
[[nodiscard]] const ParameterRow* find_parameter(std::string_view key) noexcept;

/// Whether a model can have a value of its own.
[[nodiscard]] inline bool is_of_models(const ParameterRow& row) {
  return std::visit([]<class Holder, class Value>(Value Holder::*) { return std::is_same_v<Holder, Parameters>; }, row.member);
}

/// The two ways to say which share is dropped.
inline constexpr std::string_view k_drop_rate = "drop_rate";
inline constexpr std::string_view k_density = "density";
[[nodiscard]] constexpr bool is_rate(const ParameterRow& row) noexcept {
  return row.key == k_drop_rate || row.key == k_density;
}

/// Whether the method's result depends on the parameter.
[[nodiscard]] inline bool takes(const merge::Method& method, const ParameterRow& row) noexcept {
  return row.taken_as ? merge::takes(method, *row.taken_as) : method.sparsifier != merge::Sparsifier::none;
}

/// The option's name: "drop-rate".
[[nodiscard]] std::string option_of(const ParameterRow& row);

/// Calls `act` with the parameter's optional value in whichever of the two has it.
template <class Act>
void visit_value(const ParameterRow& row, Parameters& of_models, MethodParameters& of_method, const Act& act) {
  std::visit(
      [&](auto member) {
        if constexpr (std::is_invocable_v<decltype(member), Parameters&>) act(of_models.*member);
        else act(of_method.*member);
      },
      row.member);
}

/// Calls `act` with each row of a kind of parameter, the optional value that `holder` (a Parameters or a MethodParameters) has of it,
/// and the member that holds it.
template <class Holder, class Act>
void for_each_value(Holder& holder, const Act& act) {
  for (const auto& row : parameters()) {
    std::visit(
        [&](auto member) {
          if constexpr (std::is_invocable_v<decltype(member), Holder&>) act(row, holder.*member, member);
        },
        row.member);
  }
}

}  // namespace dare::recipe
