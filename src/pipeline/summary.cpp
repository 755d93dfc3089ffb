#include "pipeline/summary.hpp"

#include <dare/core/byte_size.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace dare::pipeline {
namespace {

struct Spread {
  double min;
  double mean;
  double max;
};

Spread spread_of(const std::vector<Timings>& all, std::size_t stage) {
  Spread spread{all.front()[stage], 0, all.front()[stage]};
  for (const auto& one : all) {
    spread.min = std::min(spread.min, one[stage]);
    spread.max = std::max(spread.max, one[stage]);
    spread.mean += one[stage] / static_cast<double>(all.size());
  }
  return spread;
}

}  // namespace

void print_summary(const RunContext& run, const plan::Plan& plan, const std::vector<ProductResult>& results, std::uint64_t blocks_reused) {
  const auto& work = run.work;
  const auto& options = run.options;
  const auto& world = run.world;
  const auto all = world.all_gather(run.timings);
  std::array<std::uint64_t, 2> sums{};
  for (const auto& result : results) {
    sums[0] += result.outcome.counts.merged;
    sums[1] += result.outcome.counts.swallowed;
  }
  const bool any = std::any_of(results.begin(), results.end(), [](const auto& result) { return !result.outcome.refusal; });
  if (!any) return;
  if (!world.is_root() || !options.summary) return;
  const auto read = plan.grid.bytes_read();
  const auto written = plan.grid.bytes_written();
  if (!options.json) {
    fmt::print("{}: {} tensors, {} read, {} written in {:.2f} s on {} rank{}\n", work.products.front().output.string(),
               plan.grid.tensors().size(), format_bytes(read), format_bytes(written), run.elapsed_s(), world.size(),
               world.size() == 1 ? "" : "s");
    if (blocks_reused != 0) fmt::print("{} of {} blocks were done by the interrupted run\n", blocks_reused, plan.grid.blocks());
    if (sums[1] != 0) fmt::print("{} of {} merged elements changed by less than the output type can show\n", sums[1], sums[0]);
    return;
  }
  nlohmann::ordered_json json{{"output", work.products.front().output.string()},
                              {"tensors", plan.grid.tensors().size()},
                              {"ranks", world.size()},
                              {"writers", plan.writers()},
                              {"bytes_read", read},
                              {"bytes_written", written},
                              {"elements_merged", sums[0]},
                              {"elements_swallowed", sums[1]},
                              {"blocks", plan.grid.blocks()},
                              {"blocks_reused", blocks_reused},
                              {"elapsed_s", run.elapsed_s()}};
  for (std::size_t stage = 0; stage < k_stage_names.size(); ++stage) {
    const auto spread = spread_of(all, stage);
    json["stages_s"][std::string{k_stage_names[stage]}] = {{"min", spread.min}, {"mean", spread.mean}, {"max", spread.max}};
  }
  fmt::print("{}\n", json.dump(2));
}

}  // namespace dare::pipeline
