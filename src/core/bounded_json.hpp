#pragma once
/// JSON from files that may hold anything: a document takes many times its text's memory, and recursion over a deep one exhausts the stack.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace dare {

/// The text is no JSON, or exceeds its bounds.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What keeps `text` from being JSON: where it ends too early, or line, column (in bytes) and what was expected there. Pure.
[[nodiscard]] JsonError json_error(std::string_view text, const nlohmann::json::parse_error& error);

struct JsonBounds {
  std::size_t levels = 32;         ///< of objects and lists within each other
  std::size_t values = 1'000'000;  ///< in the document at any time: numbers, texts, objects, lists, ...
  std::size_t keys = 1000;         ///< of one object; those of an ordered_json are looked through for every new one
  bool unique_keys = true;         ///< else the last of equal ones counts
};

/// Parses `text`. What is read leaves the document where `see` says so, so that lists of any length can be taken entry by entry. Pure.
/// @param see  bool see(depth, event, value), as nlohmann's parser calls it: whether the value stays. It may throw.
/// @throws JsonError
template <class Json, class See>
[[nodiscard]] Json parse_bounded(std::string_view text, const JsonBounds& bounds, See&& see) {
  using Event = typename Json::parse_event_t;
  std::size_t values = 0;
  std::vector<std::size_t> values_before;                // of each object and list that is open
  std::vector<std::unordered_set<std::string>> keys_of;  // likewise
  const auto watch = [&](int depth, Event event, Json& value) {
    const bool begins = event == Event::object_start || event == Event::array_start;
    const bool ends = event == Event::object_end || event == Event::array_end;
    if (event == Event::key) {
      auto& keys = keys_of.back();
      const auto& key = value.template get_ref<const std::string&>();
      if (!keys.insert(key).second && bounds.unique_keys) throw JsonError{"\"" + key + "\" stands twice"};
      if (keys.size() > bounds.keys) throw JsonError{"an object of more than " + std::to_string(bounds.keys) + " keys"};
    } else if (!ends && ++values > bounds.values) {
      throw JsonError{"more than " + std::to_string(bounds.values) + " values"};
    }
    if (begins) {
      if (values_before.size() == bounds.levels) throw JsonError{"nested deeper than " + std::to_string(bounds.levels) + " levels"};
      values_before.push_back(values - 1);
      keys_of.emplace_back();
    }
    const bool keep = see(depth, event, value);
    if (event == Event::value && !keep) --values;
    if (ends) {
      if (!keep) values = values_before.back();
      values_before.pop_back();
      keys_of.pop_back();
    }
    return keep;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const nlohmann::json::parse_error& error) { throw json_error(text, error); } catch (const nlohmann::json::out_of_range&) {
    throw JsonError{"a number that no float64 holds"};
  }
}

template <class Json>
[[nodiscard]] Json parse_bounded(std::string_view text, const JsonBounds& bounds) {
  return parse_bounded<Json>(text, bounds, [](int, typename Json::parse_event_t, const Json&) { return true; });
}

}  // namespace dare
