#pragma once
/// How JSON is written, and how a value of it is named in a message.

#include "core/printable.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace dare {

/// As it is written everywhere: a path may be no UTF-8, whose bytes become U+FFFD. @param indent  spaces a level; -1: all in one line.
/// Pure.
template <class Json>
[[nodiscard]] std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// A whole document, in lines, the last of which has an end too. Pure.
template <class Json>
[[nodiscard]] std::string json_lines(const Json& json, int indent = 2) {
  return json_text(json, indent) + "\n";
}

/// A value in a few words: "a list", "an object", or the beginning of its text. Pure.
template <class Json>
[[nodiscard]] std::string brief(const Json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  return printable(json_text(value));
}

}  // namespace dare
