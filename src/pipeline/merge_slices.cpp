#include "pipeline/merge_slices.hpp"

#include "pipeline/progress.hpp"
#include "pipeline/slice_loop.hpp"
#include "pipeline/tile_worker.hpp"

namespace dare::pipeline {
namespace {

// Blocks of an interrupted run may be in no file that this run's writers have synced.
void sync_continued(const std::vector<StagedOutput>& staged) {
  for (const auto& output : staged) {
    if (!output.continued) continue;
    for (const auto& file : output.layout.files) File::open_write(file.name.empty() ? output.root : output.root / file.name).sync();
  }
}

void sum_counts(std::vector<ProductResult>& results, const comm::Communicator& world) {
  std::vector<std::int64_t> sums;
  for (const auto& result : results) {
    sums.push_back(static_cast<std::int64_t>(result.outcome.counts.merged));
    sums.push_back(static_cast<std::int64_t>(result.outcome.counts.swallowed));
    sums.push_back(static_cast<std::int64_t>(result.outcome.counts.nonfinite));
  }
  world.all_reduce(sums, comm::Reduce::sum);
  for (std::size_t p = 0; p < results.size(); ++p) {
    const auto sum = [&](std::size_t i) { return static_cast<std::uint64_t>(sums[3 * p + i]); };
    results[p].outcome.counts = {sum(0), sum(1), sum(2)};
  }
}

}  // namespace

Sinks open_sinks(RunContext& run, const std::vector<StagedOutput>& staged) {
  Sinks sinks;
  run.world.agree([&] {
    for (std::size_t p = 0; p < staged.size(); ++p) {
      sinks.targets.push_back({write_bits(run.work.products[p], run.work), {staged[p].root, staged[p].layout}});
      const StageTimer timer{run.timings, Stage::journal};
      sinks.journals.emplace_back(staged[p].journal);
    }
  });
  return sinks;
}

RunResult merge_slices(RunContext& run, const plan::Plan& plan, const FinishedBlocks& finished, Inputs& inputs,
                       const std::vector<ProductStatistics>& statistics, Sinks& sinks) {
  TileWorker worker{run.work, inputs, statistics, run.timings, plan.tile_elements};
  Gather gather{run.world, plan, finished, sinks.targets, run.timings};
  SliceLoop loop{run.world, plan, finished, worker, gather, sinks.journals, run.timings, run.options.going_on()};
  {
    Progress progress{run.options.progress, plan.bytes_to_read() + plan.bytes_to_write(), run.world.is_root()};
    loop.run(progress);
  }
  RunResult made{{}, worker.deltas()};
  auto& results = made.products;
  for (std::size_t p = 0; p < sinks.targets.size(); ++p) {
    results.push_back({{loop.refusal(p), worker.counts(p)}, {}});
    if (!results[p].outcome.refusal) results[p].hashes = loop.all_hashes(p);
  }
  sum_counts(results, run.world);
  if (run.options.summary) made.deltas.join(run.world);
  return made;
}

void sync_sinks(RunContext& run, const std::vector<StagedOutput>& staged, Sinks& sinks) {
  run.world.agree([&] {
    {
      const StageTimer timer{run.timings, Stage::journal};
      for (auto& journal : sinks.journals) journal.close();
    }
    const StageTimer timer{run.timings, Stage::fsync};
    for (auto& target : sinks.targets) target.writer.begin_sync();
    for (auto& target : sinks.targets) {
      target.writer.sync();
      target.writer.close();
    }
    if (run.world.is_root()) sync_continued(staged);
  });
}

}  // namespace dare::pipeline
