#include <dare/metrics/records.hpp>

#include "core/lower_case.hpp"
#include "metrics/parse_records.hpp"

#include <fmt/format.h>

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <algorithm>

namespace dare::metrics {
namespace {

std::string ending(const std::filesystem::path& path) {
  return lower_case(path.extension().string());
}

}  // namespace

const Value* Record::find(std::string_view name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? nullptr : &found->second;
}

std::string Records::where(const Record& record) const {
  return fmt::format("{}: {} {}", path.string(), unit, record.place);
}

bool Records::has(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Records read_records(const std::filesystem::path& path, const std::vector<std::string>& headerless) {
  const auto kind = ending(path);
  Records out{path, kind == ".json" ? "element" : "line", {}, {}};
  if (!std::filesystem::exists(path)) throw InputError{fmt::format("{}: no such file", path.string())};
  if (std::filesystem::is_directory(path)) throw InputError{fmt::format("{}: is a folder; give a file", path.string())};
  const auto content = read_text(path);
  auto text = std::string_view{content};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (kind == ".jsonl" || kind == ".ndjson") {
    parse_json_lines(text, out);
  } else if (kind == ".json") {
    parse_json_array(text, out);
  } else if (kind == ".csv") {
    parse_csv(text, out);
  } else if (kind == ".tsv") {
    parse_tsv(text, headerless, out);
  } else if (kind == ".txt") {
    parse_lines(text, out);
  } else {
    throw InputError{
        fmt::format("{}: the name ends in \"{}\", not in .jsonl, .ndjson, .json, .csv, .tsv or .txt; rename the file by what it holds",
                    path.string(), kind)};
  }
  return out;
}

}  // namespace dare::metrics
