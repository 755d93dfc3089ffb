#include "sweep/results.hpp"

#include <algorithm>
#include <unordered_map>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

std::string cell_of(const Json& value) {
  if (value.is_null()) return "";
  return csv_cell(value.is_string() ? value.get<std::string>() : value.dump());
}

// One row with everything in it, flat. A score that is called like a setting does not hide it.
Json row_of(const Record& record) {
  Json row{{"point", record.point}, {"status", name(record.status)}};
  row.update(record.settings);
  row.update(record.statistics);
  for (const auto& [key, value] : record.scores.items()) row[row.contains(key) ? "score." + key : key] = value;
  row["output"] = record.output.empty() ? Json{} : Json(record.output);
  row["xxh3_128"] = record.hash.empty() ? Json{} : Json(record.hash);
  row["error"] = record.error.empty() ? Json{} : Json(record.error);
  return row;
}

}  // namespace

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string result{'"'};
  for (const char c : text) result += c == '"' ? std::string{"\"\""} : std::string{c};
  return result + '"';
}

std::vector<Record> read_records(const Places& places, const std::vector<std::string>& order) {
  std::unordered_map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < order.size(); ++i) position.emplace(order[i], i);
  std::vector<std::pair<std::size_t, Record>> found;
  if (!std::filesystem::is_directory(places.records)) return {};
  for (const auto& entry : std::filesystem::directory_iterator{places.records}) {
    const auto file = entry.path().filename().string();
    if (file.starts_with('.') || !file.ends_with(".json")) continue;
    auto record = read_record(entry.path());
    if (!record) continue;
    const auto at = position.find(record->point);
    found.emplace_back(at == position.end() ? order.size() : at->second, std::move(*record));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : a.second.point < b.second.point; });
  std::vector<Record> records;
  records.reserve(found.size());
  for (auto& one : found) records.push_back(std::move(one.second));
  return records;
}

std::string to_csv(const std::vector<Record>& records) {
  std::vector<Json> rows;
  std::vector<std::string> columns;
  // Settings of all rows come before scores of any: columns are gathered kind by kind.
  const auto add = [&](const Json& part) {
    for (const auto& [key, unused] : part.items()) {
      if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
    }
  };
  for (const auto& record : records) rows.push_back(row_of(record));
  add(Json{{"point", 0}, {"status", 0}});
  for (const auto& record : records) add(record.settings);
  for (const auto& record : records) add(record.statistics);
  for (auto row : rows) {
    for (const auto* last : {"output", "xxh3_128", "error"}) row.erase(last);
    add(row);
  }
  add(Json{{"output", 0}, {"xxh3_128", 0}, {"error", 0}});
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) text += (i == 0 ? "" : ",") + csv_cell(columns[i]);
  for (const auto& row : rows) {
    text += '\n';
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) text += ',';
      if (row.contains(columns[i])) text += cell_of(row[columns[i]]);
    }
  }
  return text + '\n';
}

std::string to_json(const std::vector<Record>& records) {
  std::string text = "[";
  for (const auto& record : records) {
    text += (text.size() == 1 ? "\n " : ",\n ") + row_of(record).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return text + "\n]\n";
}

void write_results(const Places& places, const std::vector<std::string>& order) {
  const auto records = read_records(places, order);
  replace_text(places.folder / "results.csv", to_csv(records));
  replace_text(places.folder / "results.json", to_json(records));
}

}  // namespace dare::sweep
