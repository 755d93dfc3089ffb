#include "core/json_text.hpp"
#include "metrics/parse_records.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <dare/core/error.hpp>

#include <algorithm>

namespace dare::metrics {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) {
  return json.is_string() ? json.get<std::string>() : json_text(json);
}

Value value_of(const Json& json) {
  Value value{Value::Kind::text, text_of(json), {}};
  if (json.is_number()) value.kind = Value::Kind::number;
  if (json.is_boolean()) value.kind = Value::Kind::boolean;
  if (json.is_null()) value.kind = Value::Kind::null;
  if (json.is_object()) value.kind = Value::Kind::object;
  if (json.is_array()) {
    value.kind = Value::Kind::list;
    for (const auto& item : json) value.items.push_back(text_of(item));
  }
  return value;
}

Json parse(std::string_view text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const auto rest = text.substr(std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0));
    for (const std::string_view word : {"NaN", "Infinity"}) {  // what Python writes
      if (rest.starts_with(word)) throw InputError{fmt::format("{}: {} is no JSON; write null or leave the record out", where, word)};
    }
    throw InputError{fmt::format("{}: not JSON (broken at byte {} of {})", where, error.byte, text.size())};
  }
}

void add(const Json& json, std::uint64_t place, Records& out) {
  Record record{place, {}};
  if (!json.is_object()) {
    throw InputError{fmt::format("{}: found a JSON {}, expected an object such as {{\"id\": 0, \"prediction\": \"1\"}}", out.where(record),
                                 json.type_name())};
  }
  for (const auto& [name, value] : json.items()) record.fields.emplace(name, value_of(value));
  if (out.records.empty()) {
    for (const auto& [name, value] : record.fields) out.names.push_back(name);
  }
  out.records.push_back(std::move(record));
}

}  // namespace

void parse_json_lines(std::string_view text, Records& out) {
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    add(parse(line, out.where({number, {}})), number, out);
  }
}

void parse_json_array(std::string_view text, Records& out) {
  const auto json = parse(text, out.path.string());
  if (!json.is_array()) {
    throw InputError{fmt::format("{}: found a JSON {}, expected an array of objects; name a file of one object a line .jsonl",
                                 out.path.string(), json.type_name())};
  }
  std::uint64_t number = 0;
  for (const auto& item : json) add(item, ++number, out);
}

}  // namespace dare::metrics
