#include "pipeline/manifest_json.hpp"

#include "checkpoint/text.hpp"
#include "core/bounded_json.hpp"

#include <fmt/format.h>

#include <string>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse_value(const Json& found, const std::string& place, std::string_view expected) {
  const auto text = found.is_structured() ? std::string{found.is_array() ? "a list" : "an object"} : checkpoint::shown(found.dump());
  throw JsonError{fmt::format("{} is {}, expected {}", place.empty() ? "the whole" : place, text, expected)};
}

std::string place_of_key(const std::string& path, const char* key) {
  return path.empty() ? key : path + "." + key;
}

}  // namespace

const Json& field(const Json& object, const std::string& path, const char* key) {
  if (!object.is_object()) refuse_value(object, path, "an object");
  const auto found = object.find(key);
  if (found == object.end()) throw JsonError{place_of_key(path, key) + " is missing"};
  return *found;
}

std::string text_field(const Json& object, const std::string& path, const char* key) {
  const auto& value = field(object, path, key);
  if (!value.is_string()) refuse_value(value, place_of_key(path, key), "a text");
  return value.get<std::string>();
}

std::uint64_t whole_field(const Json& object, const std::string& path, const char* key) {
  const auto& value = field(object, path, key);
  if (!value.is_number_unsigned()) refuse_value(value, place_of_key(path, key), "a whole number from 0 up");
  return value.get<std::uint64_t>();
}

const Json& list_field(const Json& object, const std::string& path, const char* key) {
  const auto& value = field(object, path, key);
  if (!value.is_array()) refuse_value(value, place_of_key(path, key), "a list");
  return value;
}

nlohmann::ordered_json parse_manifest_json(std::string_view text, const TakeTensor& take) {
  std::string section;
  bool of_deltas = false;
  return parse_bounded<nlohmann::ordered_json>(
      text, {}, [&](int depth, nlohmann::ordered_json::parse_event_t event, const nlohmann::ordered_json& value) {
        if (event == nlohmann::ordered_json::parse_event_t::key && depth == 1) section = value.get<std::string>();
        if (event == nlohmann::ordered_json::parse_event_t::value && section == "outputs" && depth == 1 && value == "delta")
          of_deltas = true;
        if (event != nlohmann::ordered_json::parse_event_t::object_end || depth != 2 || section != "tensors") return true;
        if (take) take(value, of_deltas);
        return false;
      });
}

}  // namespace dare::pipeline
