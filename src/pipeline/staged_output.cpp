#include "pipeline/staged_output.hpp"

#include "pipeline/replaceable.hpp"
#include "pipeline/unfinished.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

void require_space(const fs::path& output, const fs::path& folder, std::uint64_t bytes) {
  const auto space = fs::space(folder);
  if (space.available >= bytes) return;
  throw IoError{fmt::format("{}: needs {} ({} bytes), {} are free there; make room or write elsewhere", output.string(),
                            format_bytes(bytes), bytes, format_bytes(space.available))};
}

// Once: a sweep stages outputs again and again.
void warn_of_no_lock(const OutputPaths& paths, const RunOptions& options) {
  static bool told = false;
  if (std::exchange(told, true) || options.log_level == LogLevel::error) return;
  comm::print_message(options.program, fmt::format("{}: no locks on this file system: see to it that no second run writes this output",
                                                   paths.journal.string()));
}

// Rank 0's part.
StagedOutput prepare_at_root(RunContext& run, const Product& product, std::uint64_t blocks) {
  const auto& work = run.work;
  const auto& options = run.options;
  const auto kind = checkpoint::output_kind(product.output);
  const auto spec = product.output_spec();
  const auto planned = checkpoint::plan_output(kind, spec);
  StagedOutput staged;
  const OutputPaths paths{product.output};
  check_output(product.output, options, 0);
  staged.staging = std::make_unique<Staging>(product.output);
  if (!staged.staging->locked()) warn_of_no_lock(paths, options);
  staged.root = paths.temporary;
  staged.journal = paths.journal;
  const auto identity = identity_of(work, product, options);
  if (const auto& head = staged.staging->unfinished()) {
    staged.records = Journal::read_records(paths.journal, *head);
    if (goes_on_from(*head, staged.records, identity, blocks, paths, options)) {
      staged.layout = head->layout;
      return staged;
    }
    staged.records.clear();
  }
  staged.staging->start_afresh();
  require_space(product.output, paths.folder, planned.total_bytes());
  staged.layout = checkpoint::create_output(staged.root, kind, spec);
  const StageTimer timer{run.timings, Stage::journal};
  staged.staging->record({identity, staged.layout, blocks});
  return staged;
}

}  // namespace

bool complete(const fs::path& root, const checkpoint::OutputLayout& layout) {
  return std::all_of(layout.files.begin(), layout.files.end(), [&](const auto& file) {
    std::error_code error;
    return fs::file_size(file.name.empty() ? root : root / file.name, error) >= file.size && !error;
  });
}

void check_output(const fs::path& output, const RunOptions& options, std::uint64_t bytes) {
  const OutputPaths paths{output};
  if (paths.output.empty() || paths.output.filename() == "." || paths.output.filename() == "..") {
    throw UsageError{fmt::format("{}: no name for an output", output.string())};
  }
  if (!fs::is_directory(paths.folder))
    throw InputError{fmt::format("{}: its folder {} is not there; make it first", output.string(), paths.folder.string())};
  if (!options.overwrite && fs::exists(fs::symlink_status(paths.output))) {
    throw InputError{fmt::format("{}: exists; name another output, or give --overwrite", output.string())};
  }
  if (options.overwrite && fs::exists(paths.output) && fs::is_directory(paths.output) == paths.single_file) {
    throw InputError{fmt::format("{}: is a {}, the output would be a {}; name another output", output.string(),
                                 paths.single_file ? "folder" : "file", paths.single_file ? "file" : "folder")};
  }
  if (options.overwrite && fs::exists(paths.output)) check_replaceable(paths.output);
  if (bytes != 0 && !options.resumes()) require_space(output, paths.folder, bytes);
}

std::vector<StagedOutput> stage_outputs(RunContext& run, std::uint64_t blocks) {
  std::vector<StagedOutput> staged;
  for (const auto& product : run.work.products)
    staged.push_back(run.world.from_root([&] { return prepare_at_root(run, product, blocks); }));
  return staged;
}

}  // namespace dare::pipeline
