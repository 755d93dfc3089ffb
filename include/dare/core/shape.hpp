#pragma once
/// Shapes and checked products of sizes.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dare {

/// Row-major extents; empty for a scalar.
using Shape = std::vector<std::uint64_t>;

/// a * b, or nothing where that exceeds 2^63 - 1 (file offsets are signed).
[[nodiscard]] std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b) noexcept;
/// Elements of a tensor of that shape (1 for a scalar); nothing where they exceed 2^63 - 1.
[[nodiscard]] std::optional<std::uint64_t> checked_elements(const Shape& shape) noexcept;
/// Whether all extents but the first are equal, and there is a first; also where that is equal too.
[[nodiscard]] bool differ_in_rows_alone(const Shape& a, const Shape& b) noexcept;
/// "[2, 3]"; "[]" for a scalar.
[[nodiscard]] std::string to_string(const Shape& shape);
/// "[1,2]": where the element of that flat, row-major index is; "[]" in a scalar. @pre no extent but the first is 0
[[nodiscard]] std::string place_in(const Shape& shape, std::uint64_t index);

}  // namespace dare
