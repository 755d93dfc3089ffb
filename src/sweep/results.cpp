#include "sweep/results.hpp"

#include "core/json_text.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <system_error>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view k_ending = ".json";
constexpr std::array<const char*, 5> k_last_columns{k_compute_seconds, k_evaluate_seconds, "output", "xxh3_128", "error"};

std::string cell_of(const Json& value) {
  if (value.is_null()) return "";
  return csv_cell(value.is_string() ? value.get<std::string>() : value.dump());
}

// The names that are no score's.
std::set<std::string> other_columns(const std::vector<const Record*>& records) {
  std::set<std::string> names{k_last_columns.begin(), k_last_columns.end()};
  names.insert({"point", "status"});
  for (const auto* record : records) {
    for (const auto* part : {&record->settings, &record->statistics}) {
      for (const auto& [key, unused] : part->items()) names.insert(key);
    }
  }
  return names;
}

// The setting that a column has one model's value of, as drop_rate.2 of drop_rate; nothing where it is no such column.
std::optional<std::string> setting_of(const std::string& column) {
  const auto dot = column.rfind('.');
  if (dot == std::string::npos || column.find_first_not_of("0123456789", dot + 1) != std::string::npos) return std::nullopt;
  return column.substr(0, dot);
}

// Settings that differ between the models of some record, one a model.
std::set<std::string> of_single_models(const std::vector<const Record*>& records) {
  std::set<std::string> names;
  for (const auto* record : records) {
    for (const auto& [key, unused] : record->settings.items()) {
      if (setting_of(key)) names.insert(key);
    }
  }
  return names;
}

// Each setting's columns of single models behind it.
std::vector<std::string> with_models_beside(const std::vector<std::string>& columns) {
  std::vector<std::string> result;
  for (const auto& column : columns) {
    if (setting_of(column)) continue;
    result.push_back(column);
    for (const auto& other : columns) {
      if (setting_of(other) == column) result.push_back(other);
    }
  }
  return result;
}

// Names that several rows have to agree on.
struct Columns {
  explicit Columns(const std::vector<const Record*>& records) : others{other_columns(records)}, models{of_single_models(records)} {}
  std::set<std::string> others;  // that are no score's
  std::set<std::string> models;
};

// One row with everything in it, flat. A score that is called like another column does not hide it. A value that all models have is each
// one's where other rows tell models apart.
Json row_of(const Record& record, const Columns& columns) {
  Json row{{"point", record.point}, {"status", name(record.status)}};
  row.update(record.settings);
  for (const auto& column : columns.models) {
    const auto common = record.settings.find(*setting_of(column));
    if (!row.contains(column) && common != record.settings.end()) row[column] = *common;
  }
  row.update(record.statistics);
  for (const auto& [key, value] : record.scores.items()) {
    auto column = columns.others.count(key) != 0 ? "score." + key : key;
    while (row.contains(column)) column.insert(0, "score.");
    row[column] = value;
  }
  for (const auto* time : {k_compute_seconds, k_evaluate_seconds}) row[time] = record.times.value(time, Json{});
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

std::string to_csv(const std::vector<const Record*>& records) {
  std::vector<Json> rows;
  std::vector<std::string> columns;
  // Settings of all rows come before scores of any: columns are gathered kind by kind.
  const auto add = [&](const Json& part) {
    for (const auto& [key, unused] : part.items()) {
      if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
    }
  };
  const Columns names{records};
  for (const auto* record : records) rows.push_back(row_of(*record, names));
  add(Json{{"point", 0}, {"status", 0}});
  for (const auto* record : records) add(record->settings);
  columns = with_models_beside(columns);
  for (const auto* record : records) add(record->statistics);
  for (auto row : rows) {
    for (const auto* last : k_last_columns) row.erase(last);
    add(row);
  }
  for (const auto* last : k_last_columns) columns.emplace_back(last);
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

std::string to_json(const std::vector<const Record*>& records) {
  std::string text = "[";
  const Columns names{records};
  for (const auto* record : records) { text += (text.size() == 1 ? "\n " : ",\n ") + json_text(row_of(*record, names)); }
  return text + "\n]\n";
}

Results::Results(const Places& places, const std::vector<std::string>& order) : places_{places}, points_{order.size()} {
  for (std::size_t i = 0; i < order.size(); ++i) position_.emplace(order[i], i);
}

Results::Key Results::key_of(const std::string& file) const {
  const auto point = std::string_view{file}.substr(0, file.size() - k_ending.size());
  const auto at = position_.find(point);
  return {at == position_.end() ? points_ : at->second, file};
}

std::vector<const Record*> Results::read() {
  for (auto& [key, seen] : seen_) seen.there = false;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{places_.records, error}) {
    const auto file = entry.path().filename().string();
    struct stat now {};
    if (file.starts_with('.') || !file.ends_with(k_ending) || ::stat(entry.path().c_str(), &now) != 0) continue;
    auto key = key_of(file);
    const auto before = seen_.find(key);
    // A record is replaced by a rename, so that a new one is another file.
    if (before != seen_.end() && before->second.file == now.st_ino && before->second.bytes == now.st_size &&
        before->second.written.tv_sec == now.st_mtim.tv_sec && before->second.written.tv_nsec == now.st_mtim.tv_nsec) {
      before->second.there = true;
      continue;
    }
    if (auto record = read_record(entry.path())) {
      if (key.first == points_) record->status = Status::withdrawn;
      seen_.insert_or_assign(std::move(key), Seen{now.st_ino, now.st_size, now.st_mtim, true, std::move(*record)});
    }
  }
  std::erase_if(seen_, [](const auto& one) { return !one.second.there; });
  std::vector<const Record*> records;
  records.reserve(seen_.size());
  for (const auto& [key, seen] : seen_) records.push_back(&seen.record);
  return records;
}

void Results::write() {
  const auto records = read();
  const std::array<FileText, 2> files{
      {{places_.folder / "results.csv", to_csv(records)}, {places_.folder / "results.json", to_json(records)}}};
  replace_texts(files);
}

}  // namespace dare::sweep
