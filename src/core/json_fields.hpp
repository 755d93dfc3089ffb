#pragma once
/// Values of JSON objects that may be anything, of the type that is needed; what else is there is told in one way.

#include "core/bounded_json.hpp"
#include "core/json_text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dare {

/// @param place  of `found`, such as "inputs[0].path"; empty: the whole document
/// @throws JsonError  "PLACE is FOUND, expected EXPECTED"
template <class Json>
[[noreturn]] void refuse_value(const Json& found, const std::string& place, std::string_view expected) {
  throw JsonError{(place.empty() ? std::string{"the whole"} : place) + " is " + brief(found) + ", expected " + std::string{expected}};
}

[[nodiscard]] inline std::string place_of_key(const std::string& place, std::string_view key) {
  return place.empty() ? std::string{key} : place + "." + std::string{key};
}
[[nodiscard]] inline std::string place_of_entry(const std::string& place, std::size_t i) {
  return place + "[" + std::to_string(i) + "]";
}

/// @throws JsonError  `value` is none
template <class Json>
void require_object(const Json& value, const std::string& place) {
  if (!value.is_object()) refuse_value(value, place, "an object");
}

/// @throws JsonError  `value` is no whole number from 0 up
template <class Json>
[[nodiscard]] std::uint64_t as_whole(const Json& value, const std::string& place) {
  if (!value.is_number_unsigned()) refuse_value(value, place, "a whole number from 0 up");
  return value.template get<std::uint64_t>();
}

/// The value of `key` of an object that stands at `place`; the others the same, of one type.
/// @throws JsonError  `object` is none, or the value is missing or of another type; the text has its whole path and what was found.
template <class Json>
[[nodiscard]] const Json& field(const Json& object, const std::string& place, std::string_view key) {
  require_object(object, place);
  const auto found = object.find(key);
  if (found == object.end()) throw JsonError{place_of_key(place, key) + " is missing"};
  return *found;
}

template <class Json>
[[nodiscard]] std::string text_field(const Json& object, const std::string& place, std::string_view key) {
  const auto& value = field(object, place, key);
  if (!value.is_string()) refuse_value(value, place_of_key(place, key), "a text");
  return value.template get<std::string>();
}

template <class Json>
[[nodiscard]] std::uint64_t whole_field(const Json& object, const std::string& place, std::string_view key) {
  return as_whole(field(object, place, key), place_of_key(place, key));
}

template <class Json>
[[nodiscard]] double number_field(const Json& object, const std::string& place, std::string_view key) {
  const auto& value = field(object, place, key);
  if (!value.is_number()) refuse_value(value, place_of_key(place, key), "a number");
  return value.template get<double>();
}

template <class Json>
[[nodiscard]] bool boolean_field(const Json& object, const std::string& place, std::string_view key) {
  const auto& value = field(object, place, key);
  if (!value.is_boolean()) refuse_value(value, place_of_key(place, key), "true or false");
  return value.template get<bool>();
}

template <class Json>
[[nodiscard]] const Json& list_field(const Json& object, const std::string& place, std::string_view key) {
  const auto& value = field(object, place, key);
  if (!value.is_array()) refuse_value(value, place_of_key(place, key), "a list");
  return value;
}

}  // namespace dare
