#include <dare/core/shape.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

namespace dare {

std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (b != 0 && a > most / b) return std::nullopt;
  return a * b;
}

std::optional<std::uint64_t> checked_elements(const Shape& shape) noexcept {
  // A zero anywhere makes the tensor empty, whatever the other extents would multiply to.
  if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
  std::optional<std::uint64_t> elements = 1;
  for (const auto extent : shape) {
    elements = checked_product(*elements, extent);
    if (!elements) return std::nullopt;
  }
  return elements;
}

bool differ_in_rows_alone(const Shape& a, const Shape& b) noexcept {
  return !a.empty() && a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string place_in(const Shape& shape, std::uint64_t index) {
  std::vector<std::uint64_t> indices(shape.size());
  for (auto d = shape.size(); d-- > 1;) {
    indices[d] = index % shape[d];
    index /= shape[d];
  }
  if (!indices.empty()) indices.front() = index;
  return fmt::format("[{}]", fmt::join(indices, ","));
}

}  // namespace dare
