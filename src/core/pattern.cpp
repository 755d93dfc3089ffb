#include "core/pattern.hpp"

#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <cstddef>

namespace dare {
namespace {

constexpr std::size_t k_longest_pattern = 1000;  // bytes

}  // namespace

std::regex compile_pattern(const std::string& text) {
  if (text.size() > k_longest_pattern)
    throw UsageError{fmt::format("a regular expression of {} bytes, at most {} are taken", text.size(), k_longest_pattern)};
  try {
    return std::regex{text, std::regex::ECMAScript};
  } catch (const std::regex_error& error) {
    throw UsageError{fmt::format("{} is no regular expression (ECMAScript): {}", in_quotes(text), error.what())};
  }
}

}  // namespace dare
