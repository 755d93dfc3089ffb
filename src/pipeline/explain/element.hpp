#pragma once
/// One element of the output, as a user names it.

#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace dare::pipeline {

struct Element {
  std::uint32_t task = 0;   ///< position of its tensor
  std::uint64_t index = 0;  ///< flat, row-major
};

/// The element that `text` names: TENSOR[i,j,...], one index for each extent; TENSOR[n] by its flat index; TENSOR where it has but one.
/// @throws UsageError  no such tensor (with names that are near), or no such element
[[nodiscard]] Element find_element(std::string_view text, const Work& work, const Product& product);

/// TENSOR[i,j], as find_element reads it.
[[nodiscard]] std::string element_name(const std::string& tensor, const Shape& shape, std::uint64_t index);

}  // namespace dare::pipeline
