#include "pipeline/unfinished.hpp"

#include "core/json_text.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/pipeline/input_times.hpp>
#include <dare/pipeline/manifest.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

// How to go on where a file was only touched, or copied back.
std::string advice_on_times(const std::string& lines) {
  if (lines.find("\n  modified.") == std::string::npos) return "";
  return "\n  where a file has the content that it had, `touch -d 'THE FORMER TIME' FILE` lets --resume go on";
}

// The hashes of --hash-inputs are not there yet when a run is planned.
std::string without_contents(const std::string& identity) {
  auto json = nlohmann::ordered_json::parse(identity);
  for (auto& input : json["inputs"]) {
    for (auto& file : input["files"]) file.erase("pieces_xxh3_128");
  }
  return json_text(json);
}

// Of a product whose output is not complete.
struct Left {
  JournalHead head;
  std::vector<JournalRecord> records;
};

std::optional<Left> left_of(const Work& work, const OutputPaths& paths, const RunOptions& options) {
  auto head = Journal::read_head(paths.journal);
  if (!head) return std::nullopt;
  auto records = Journal::read_records(paths.journal, *head);
  const bool hashes_to_come = options.hash_inputs && work.content_hashes.empty();
  if (hashes_to_come) head->identity = without_contents(head->identity);
  return Left{std::move(*head), std::move(records)};
}

bool anything_at(const OutputPaths& paths) {
  return std::filesystem::exists(paths.journal) && std::filesystem::exists(paths.temporary);
}

}  // namespace

std::string identity_of(const Work& work, const Product& product, const RunOptions& options) {
  auto identity = nlohmann::ordered_json::parse(manifest_head(work, product));
  // A model that was trained again has the same header and size.
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    for (const auto& file : work.input(i).files) identity["modified"][file.path.string()] = time_text(file.changed_ns);
  }
  for (const auto& file : files_beside_weights(work)) {
    if (const auto changed = changed_ns(file)) identity["modified"][file.string()] = time_text(*changed);
  }
  identity["output"] = {{"kind", static_cast<int>(checkpoint::output_kind(product.output))}, {"shard_size", options.shard_size}};
  return json_text(identity);
}

bool goes_on_from(const JournalHead& head, const std::vector<JournalRecord>& records, const std::string& identity, std::uint64_t blocks,
                  const OutputPaths& paths, const RunOptions& options) {
  const auto done = count_done(records);
  const auto lines = difference(identity, head.identity);
  const bool usable = lines.empty() && head.blocks == blocks && complete(paths.temporary, head.layout);
  if (options.unfinished == Unfinished::restart || done == 0) return false;
  if (options.unfinished == Unfinished::resume_same) return usable;
  const auto place = paths.output.string();
  if (!lines.empty()) {
    throw InputError{
        fmt::format("{}: an interrupted run of another recipe, program or inputs did {} of {} blocks there; name another "
                    "output, or give --restart, which removes them and begins anew; what differs:{}{}",
                    place, done, records.size(), lines, advice_on_times(lines))};
  }
  if (options.unfinished == Unfinished::resume || !usable) return usable;
  throw InputError{
      fmt::format("{}: an interrupted run did {} of {} blocks; --resume goes on with them, --restart removes them and begins anew", place,
                  done, records.size())};
}

Begun check_unfinished(const Work& work, const Product& product, const RunOptions& options) {
  const OutputPaths paths{product.output};
  if (!anything_at(paths)) return {};
  const auto journal = File::open_write(paths.journal);  // NFS gives no lock of a file that is open for reading alone
  if (journal.try_lock() == LockState::taken) throw under_way(paths);
  const auto left = left_of(work, paths, options);
  if (!left || !goes_on_from(left->head, left->records, identity_of(work, product, options), grid_of(work).blocks(), paths, options))
    return {true, {}};
  if (options.log_level != LogLevel::error)
    comm::print_message(options.program, fmt::format("{}: goes on where an interrupted run stopped, with {} of {} blocks done",
                                                     paths.output.string(), count_done(left->records), left->records.size()));
  return {true, blocks_done(left->records)};
}

bool goes_on_merging(const Work& work, const Product& product, const RunOptions& options) {
  const OutputPaths paths{product.output};
  if (!anything_at(paths)) return false;
  const auto left = left_of(work, paths, options);
  return left && goes_on_from(left->head, left->records, identity_of(work, product, options), grid_of(work).blocks(), paths, options);
}

void remove_unfinished(Staging& staging, const RunOptions& options) {
  const auto& head = staging.unfinished();
  const auto& paths = staging.paths();
  if (head && options.unfinished != Unfinished::restart && options.unfinished != Unfinished::resume_same) {
    const auto done = count_done(Journal::read_records(paths.journal, *head));
    if (done != 0) {
      throw InputError{
          fmt::format("{}: an interrupted run of another kind did {} of {} blocks there; name another output, or give "
                      "--restart, which removes them",
                      paths.output.string(), done, head->blocks)};
    }
  }
  staging.start_afresh();
}

}  // namespace dare::pipeline
