#include "sweep/record.hpp"

#include "core/json_text.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/core/write_back.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t k_longest_beginning = 200;
constexpr std::size_t k_digits = 16;  // of the hash that ends a temporary name

Status status_named(const std::string& name_) {
  return name_ == "done" ? Status::done : name_ == "unscored" ? Status::unscored : Status::failed;
}

// Several processes may write the same file, each from a name of its own; the longest that a point may have still gives one.
std::string temporary_name(const std::string& name) {
  std::string host(256, '\0');
  ::gethostname(host.data(), host.size() - 1);
  const auto process = fmt::format("{}.{}.{}", host.c_str(), ::getpid(), name);
  return fmt::format(".{}.{:016x}", name.substr(0, k_longest_beginning), hash64(std::as_bytes(std::span{process})));
}

// That of a record, a table or a log: nobody else's file has such a name.
bool is_temporary_name(std::string_view name) {
  const auto dot = name.rfind('.');
  if (!name.starts_with('.') || dot == 0 || name.size() - dot - 1 != k_digits) return false;
  if (name.find_first_not_of("0123456789abcdef", dot + 1) != std::string_view::npos) return false;
  const auto kept = name.substr(1, dot - 1);
  return kept.size() == k_longest_beginning || kept.ends_with(".json") || kept.ends_with(".csv");
}

// A text under a name of its own beside the file whose place it is to take.
class NewText {
 public:
  explicit NewText(const FileText& one) : place_{one.file}, path_{one.file.parent_path() / temporary_name(one.file.filename().string())} {
    std::error_code ignored;
    fs::remove(path_, ignored);
    file_ = File::create(path_);
    try {
      file_.write_at(0, std::as_bytes(std::span{one.text}));
      begin_write_back(file_.fd(), 0, one.text.size());
    } catch (...) {  // no destructor runs
      fs::remove(path_, ignored);
      throw;
    }
  }
  NewText(NewText&& other) noexcept
      : place_{std::move(other.place_)}, path_{std::exchange(other.path_, {})}, file_{std::move(other.file_)} {}
  NewText& operator=(NewText&&) = delete;
  ~NewText() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }

  void force_to_disk() {
    file_.sync();
    file_.close();
  }
  void take_place() {
    if (::rename(path_.c_str(), place_.c_str()) != 0)
      throw IoError{fmt::format("{}: cannot be replaced: {}", place_.string(), std::strerror(errno))};
    path_.clear();
  }

 private:
  const fs::path& place_;
  fs::path path_;  // empty once it has its place
  File file_;
};

// What is computed with: of other types than a record is written with they are not to be read as these.
bool are_files(const Json& inputs) {
  return inputs.is_array() && std::all_of(inputs.begin(), inputs.end(), [](const auto& file) {
           return file.is_object() && file.contains("path") && file["path"].is_string() && file.contains("size") &&
                  file["size"].is_number_unsigned() && file.contains("modified") && file["modified"].is_string();
         });
}

}  // namespace

std::string_view name(Status status) noexcept {
  switch (status) {
    case Status::failed:
      return "failed";
    case Status::unscored:
      return "unscored";
    case Status::done:
      return "done";
    case Status::withdrawn:
      return "withdrawn";
  }
  return "";
}

double to_seconds(std::chrono::duration<double> time) noexcept {
  constexpr double k_parts = 1e6;
  return std::round(time.count() * k_parts) / k_parts;
}

void replace_texts(std::span<const FileText> files) {
  if (files.empty()) return;
  std::vector<NewText> written;
  for (const auto& one : files) written.emplace_back(one);
  for (auto& one : written) one.force_to_disk();
  for (auto& one : written) one.take_place();
  sync_folder(files.front().file.parent_path());
}

void remove_cut_texts(const Places& places) noexcept {
  for (const auto* folder : {&places.folder, &places.records}) {
    std::error_code error;
    for (fs::directory_iterator entry{*folder, error}, end; !error && entry != end; entry.increment(error)) {
      std::error_code ignored;
      if (is_temporary_name(entry->path().filename().string()) && entry->is_regular_file(ignored)) fs::remove(entry->path(), ignored);
    }
  }
}

FileText file_of(const Places& places, const Record& record) {
  const Json json{{"point", record.point},           {"status", name(record.status)}, {"error", record.error},
                  {"identity", record.identity},     {"contents", record.contents},   {"settings", record.settings},
                  {"statistics", record.statistics}, {"scores", record.scores},       {"times", record.times},
                  {"evaluated", record.evaluated},   {"output", record.output},       {"xxh3_128", record.hash},
                  {"inputs", record.inputs}};
  return {places.record(record.point), json_lines(json, 1)};
}

void write_record(const Places& places, const Record& record) {
  const auto file = file_of(places, record);
  replace_texts({&file, 1});
}

std::optional<Record> read_record(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  try {
    const auto json = Json::parse(read_text(file));
    const auto is_object = [&](const char* key) { return json.at(key).is_object(); };
    if (!is_object("settings") || !is_object("statistics") || !is_object("scores")) return std::nullopt;
    const auto& scores = json["scores"];
    if (!std::all_of(scores.begin(), scores.end(), [](const auto& score) { return score.is_number(); })) return std::nullopt;
    if (json.contains("inputs") && !are_files(json["inputs"])) return std::nullopt;
    if (json.contains("times") && !is_object("times")) return std::nullopt;
    // A checkpoint is deleted by this name: no other folder's.
    const fs::path output = json.at("output").get<std::string>();
    if (output != output.filename() || output == "." || output == "..") return std::nullopt;
    return Record{json.at("point"),
                  status_named(json.at("status")),
                  json.at("error"),
                  json.at("identity"),
                  json.at("contents"),
                  json.at("settings"),
                  json.at("statistics"),
                  json.at("scores"),
                  json.value("times", Json::object()),
                  json.at("evaluated"),
                  json.at("output"),
                  json.at("xxh3_128"),
                  json.value("inputs", Json::array())};
  } catch (const Json::exception&) { return std::nullopt; }
}

}  // namespace dare::sweep
