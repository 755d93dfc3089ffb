#include "sweep/record.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

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

Status status_named(const std::string& name_) {
  return name_ == "done" ? Status::done : name_ == "unscored" ? Status::unscored : Status::failed;
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
  // Several processes may write the same file, each from a name of its own.
  std::string host(256, '\0');
  ::gethostname(host.data(), host.size() - 1);
  const auto next = file.parent_path() / fmt::format(".{}.{}.{}", file.filename().string(), host.c_str(), ::getpid());
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
  const Json json{{"point", record.point},       {"status", name(record.status)}, {"error", record.error},
                  {"identity", record.identity}, {"settings", record.settings},   {"statistics", record.statistics},
                  {"scores", record.scores},     {"output", record.output},       {"xxh3_128", record.hash}};
  replace_text(places.record(record.point), json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<Record> read_record(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  try {
    const auto json = Json::parse(read_text(file));
    return Record{json.at("point"),    status_named(json.at("status")), json.at("error"),  json.at("identity"),
                  json.at("settings"), json.at("statistics"),           json.at("scores"), json.at("output"),
                  json.at("xxh3_128")};
  } catch (const Json::exception&) { return std::nullopt; }
}

}  // namespace dare::sweep
