#pragma once
/// Slips of the hand.

#include <optional>
#include <string_view>
#include <vector>

namespace dare::recipe {

/// The known word that `found` is a slip of the hand away from. @pre known is not empty
[[nodiscard]] std::optional<std::string_view> nearest_of(std::string_view found, const std::vector<std::string_view>& known);

}  // namespace dare::recipe
