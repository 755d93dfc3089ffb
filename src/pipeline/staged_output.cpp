#include "pipeline/staged_output.hpp"

#include "pipeline/unfinished.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/output_place.hpp>

#include <fmt/format.h>

#include <utility>

namespace dare::pipeline {
namespace {

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
  check_output(product.output, options, 0);  // again: an old output may have been put back
  if (!staged.staging->locked()) warn_of_no_lock(paths, options);
  staged.root = paths.temporary;
  staged.journal = paths.journal;
  const auto identity = identity_of(work, product, options);
  if (const auto& head = staged.staging->unfinished()) {
    auto records = Journal::read_records(paths.journal, *head);
    if (goes_on_from(*head, records, identity, blocks, paths, options)) {
      staged.layout = head->layout;
      staged.continued = true;
      staged.records = std::move(records);
      return staged;
    }
  }
  staged.staging->start_afresh();
  require_space(product.output, planned.total_bytes());
  staged.layout = checkpoint::create_output(staged.root, kind, spec);
  const StageTimer timer{run.timings, Stage::journal};
  staged.staging->record({identity, staged.layout, blocks});
  return staged;
}

}  // namespace

std::vector<StagedOutput> stage_outputs(RunContext& run, std::uint64_t blocks) {
  std::vector<StagedOutput> staged;
  try {
    for (const auto& product : run.work.products)
      staged.push_back(run.world.from_root([&] { return prepare_at_root(run, product, blocks); }));
  } catch (const comm::AgreedError&) {
    // Nothing is done in those that are new.
    for (auto& output : staged) {
      if (output.staging && !output.continued) output.staging->discard();
    }
    throw;
  }
  return staged;
}

}  // namespace dare::pipeline
