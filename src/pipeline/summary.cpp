#include "pipeline/summary.hpp"

#include <dare/core/byte_size.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
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

void print_summary(const RunOptions& options, const plan::Plan& plan, const merge::Counts& counts, const Timings& timings, double elapsed_s,
                   const comm::Communicator& world) {
  const auto all = world.all_gather(timings);
  std::array<std::int64_t, 2> sums{static_cast<std::int64_t>(counts.merged), static_cast<std::int64_t>(counts.swallowed)};
  world.all_reduce(sums, comm::Reduce::sum);
  if (!world.is_root()) return;
  const auto read = plan.grid.bytes_read();
  const auto written = plan.grid.bytes_written();
  if (!options.json) {
    fmt::print("{}: {} tensors, {} read, {} written in {:.2f} s on {} rank{}\n", options.output.string(), plan.grid.tensors().size(),
               format_bytes(read), format_bytes(written), elapsed_s, world.size(), world.size() == 1 ? "" : "s");
    if (sums[1] != 0) fmt::print("{} of {} merged elements changed by less than the output type can show\n", sums[1], sums[0]);
    return;
  }
  nlohmann::ordered_json json{{"output", options.output.string()},
                              {"tensors", plan.grid.tensors().size()},
                              {"ranks", world.size()},
                              {"writers", plan.writers()},
                              {"bytes_read", read},
                              {"bytes_written", written},
                              {"elements_merged", sums[0]},
                              {"elements_swallowed", sums[1]},
                              {"elapsed_s", elapsed_s}};
  for (std::size_t stage = 0; stage < k_stage_names.size(); ++stage) {
    const auto spread = spread_of(all, stage);
    json["stages_s"][std::string{k_stage_names[stage]}] = {{"min", spread.min}, {"mean", spread.mean}, {"max", spread.max}};
  }
  fmt::print("{}\n", json.dump(2));
}

}  // namespace dare::pipeline
