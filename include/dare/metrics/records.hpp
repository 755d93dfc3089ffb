#pragma once
/// Records of predictions, references and samples: JSON lines, a JSON array, CSV, TSV or plain lines.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dare::metrics {

/// One field of a record.
struct Value {
  enum class Kind { text, number, boolean, null, list, object };
  Kind kind = Kind::text;
  std::string text;                ///< the text itself; of other kinds, the JSON of the value
  std::vector<std::string> items;  ///< of a list: its elements as texts
};

struct Record {
  std::uint64_t place;  ///< the line it starts on, or its place in a JSON array; from 1
  std::map<std::string, Value, std::less<>> fields;

  /// The field, or null where the record has none of that name.
  [[nodiscard]] const Value* find(std::string_view name) const;
};

struct Records {
  std::filesystem::path path;
  std::string_view unit = "line";  ///< what Record::place counts: "line" or "element"
  std::vector<std::string> names;  ///< columns in order; of JSON, the fields of the first record, sorted
  std::vector<Record> records;

  /// "file: line 7", the start of an error text.
  [[nodiscard]] std::string where(const Record& record) const;
  /// Whether the first record has the field.
  [[nodiscard]] bool has(std::string_view name) const;
};

/// Reads by the name's ending: .jsonl or .ndjson (an object a line), .json (an array of objects), .csv (RFC 4180, with a header), .tsv
/// (as GLUE's: a header, tabs, no quoting), .txt (each line one field "value"). A byte order mark and CR LF are accepted; blank
/// lines of JSONL are skipped.
/// @param headerless  columns of a .tsv of that many columns whose first line holds none of these names: it is data (GLUE's CoLA).
/// @throws InputError  no such file, another ending, or a broken line, named.
/// @throws IoError  the file cannot be read.
[[nodiscard]] Records read_records(const std::filesystem::path& path, const std::vector<std::string>& headerless = {});

}  // namespace dare::metrics
