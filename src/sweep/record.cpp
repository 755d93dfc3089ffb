#include "sweep/record.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t k_longest_beginning = 200;

Status status_named(const std::string& name_) {
  return name_ == "done" ? Status::done : name_ == "unscored" ? Status::unscored : Status::failed;
}

// Several processes may write the same file, each from a name of its own; the longest that a point may have still gives one.
std::string temporary_name(const std::string& name) {
  std::string host(256, '\0');
  ::gethostname(host.data(), host.size() - 1);
  const auto process = fmt::format("{}.{}", host.c_str(), ::getpid());
  return fmt::format(".{}.{:016x}", name.substr(0, k_longest_beginning), hash64(std::as_bytes(std::span{process})));
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
  }
  return "";
}

void replace_text(const fs::path& file, std::string_view text) {
  const auto next = file.parent_path() / temporary_name(file.filename().string());
  std::error_code ignored;
  fs::remove(next, ignored);
  write_new_file(next, std::as_bytes(std::span{text}));
  if (::rename(next.c_str(), file.c_str()) != 0) {
    const auto error = errno;
    fs::remove(next, ignored);
    throw IoError{fmt::format("{}: cannot be replaced: {}", file.string(), std::strerror(error))};
  }
  sync_folder(file.parent_path());
}

void write_record(const Places& places, const Record& record) {
  const Json json{{"point", record.point},           {"status", name(record.status)}, {"error", record.error},
                  {"identity", record.identity},     {"contents", record.contents},   {"settings", record.settings},
                  {"statistics", record.statistics}, {"scores", record.scores},       {"evaluated", record.evaluated},
                  {"output", record.output},         {"xxh3_128", record.hash}};
  replace_text(places.record(record.point), json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<Record> read_record(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  try {
    const auto json = Json::parse(read_text(file));
    return Record{json.at("point"),    status_named(json.at("status")), json.at("error"),  json.at("identity"),  json.at("contents"),
                  json.at("settings"), json.at("statistics"),           json.at("scores"), json.at("evaluated"), json.at("output"),
                  json.at("xxh3_128")};
  } catch (const Json::exception&) { return std::nullopt; }
}

}  // namespace dare::sweep
