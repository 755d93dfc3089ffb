#include "checkpoint/tensor_name.hpp"

#include "core/printable.hpp"

#include <fmt/format.h>

namespace dare::checkpoint {

std::string name_problem(std::string_view name) {
  if (!is_utf8_without_nul(name)) return "the name is no UTF-8 text without NUL";
  if (name.size() > k_longest_name) return fmt::format("the name has {} bytes, at most {} are taken", name.size(), k_longest_name);
  if (has_unprintable(name)) return "the name has control characters";
  if (name == k_metadata_key) return "the name is that of a header's metadata";
  return "";
}

}  // namespace dare::checkpoint
