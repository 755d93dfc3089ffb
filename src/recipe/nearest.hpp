#pragma once
/// Slips of the hand.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace dare::recipe {

/// Letters to change, add, take away or swap with the next, to get from one to the other: the distance of optimal string alignment. Pure.
[[nodiscard]] std::size_t edits_between(std::string_view a, std::string_view b);

/// The known word that `found` is a slip of the hand away from. @pre known is not empty
[[nodiscard]] std::optional<std::string_view> nearest_of(std::string_view found, const std::vector<std::string_view>& known);

}  // namespace dare::recipe
