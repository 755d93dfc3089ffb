#include "pipeline/summary.hpp"

#include "core/json_text.hpp"
#include "pipeline/reproduced.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

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

struct Figures {
  std::uint64_t tensors = 0;
  int writers = 0;
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  std::uint64_t merged = 0;
  std::uint64_t swallowed = 0;
  std::uint64_t blocks = 0;
  std::uint64_t reused = 0;
  std::vector<ModelDeltas> models = {};
  std::optional<std::uint64_t> nonfinite = {};  // where they are counted
  std::optional<bool> as_recorded = {};         // where there is a record
};

nlohmann::ordered_json to_json(const Work& work, const std::vector<ModelDeltas>& models) {
  auto all = nlohmann::ordered_json::array();
  for (std::size_t m = 0; m < models.size(); ++m)
    all.push_back({{"path", work.models[m].root.string()}, {"tensors", models[m].tensors}, {"tensors_without_delta", models[m].without}});
  return all;
}

std::string to_json(const RunContext& run, const Figures& figures, const std::vector<Timings>& all) {
  nlohmann::ordered_json json{{"output", run.work.products.front().output.string()},
                              {"tensors", figures.tensors},
                              {"ranks", run.world.size()},
                              {"writers", figures.writers},
                              {"bytes_read", figures.read},
                              {"bytes_written", figures.written},
                              {"elements_merged", figures.merged},
                              {"elements_swallowed", figures.swallowed},
                              {"blocks", figures.blocks},
                              {"blocks_reused", figures.reused},
                              {"models", to_json(run.work, figures.models)},
                              {"elapsed_s", run.elapsed_s()}};
  if (figures.nonfinite) json["elements_nonfinite"] = *figures.nonfinite;
  if (figures.as_recorded) json["as_recorded"] = *figures.as_recorded;
  for (std::size_t stage = 0; stage < k_stage_names.size(); ++stage) {
    const auto spread = spread_of(all, stage);
    json["stages_s"][std::string{k_stage_names[stage]}] = {{"min", spread.min}, {"mean", spread.mean}, {"max", spread.max}};
  }
  return json_lines(json);  // a path may be no UTF-8
}

std::optional<bool> as_recorded(const Outcome& outcome) {
  if (!outcome.against_record) return std::nullopt;
  return outcome.against_record->empty();
}

// Of an output that is another the error that ends the run says more.
std::string line_of_record(const RunContext& run, const Figures& figures) {
  if (!figures.as_recorded.value_or(false)) return "";
  return fmt::format("the same weights as recorded in {}: every block\n", run.work.products.front().record->file.string());
}

std::string to_text(const RunContext& run, const Figures& figures) {
  auto text = fmt::format("{}: {}, {} read, {} written in {:.2f} s on {}\n", run.work.products.front().output.string(),
                          plural(figures.tensors, "tensor"), format_bytes(figures.read), format_bytes(figures.written), run.elapsed_s(),
                          plural(static_cast<std::uint64_t>(run.world.size()), "rank"));
  if (figures.reused != 0) text += fmt::format("{} of {} blocks were done by the interrupted run\n", figures.reused, figures.blocks);
  if (figures.swallowed != 0)
    text += fmt::format("{} of {} merged elements changed by less than the output type can show\n", figures.swallowed, figures.merged);
  if (figures.nonfinite.value_or(0) != 0)
    text += fmt::format("{} of the output {} no finite number: kept, as the recipe says\n", plural(*figures.nonfinite, "element"),
                        figures.nonfinite == 1 ? "is" : "are");
  return text + line_of_record(run, figures);
}

Figures figures_of(const RunContext& run, const plan::Plan& plan, const RunResult& made, const std::vector<std::uint64_t>& reused) {
  const auto& grid = plan.grid;
  const auto read = survey_cost(run.work, plan.tensors_to_do()).bytes_read + plan.bytes_to_read();
  Figures figures{grid.tensors().size(), plan.writers(), read, plan.bytes_to_write(), 0, 0, grid.blocks(), reused.size()};
  for (const auto& result : made.products) {
    figures.merged += result.outcome.counts.merged;
    figures.swallowed += result.outcome.counts.swallowed;
  }
  if (const auto& product = run.work.products.front(); keeps_nonfinite(product))
    figures.nonfinite = made.products.front().outcome.counts.nonfinite;
  figures.as_recorded = as_recorded(made.products.front().outcome);
  figures.models = count_deltas(run.work, run.work.products.front(), made.deltas, grid, reused);
  return figures;
}

}  // namespace

std::string summary_of(const std::filesystem::path& output) {
  return output.string() + ": is complete; its summary";
}

void print_summary(const RunContext& run, const plan::Plan& plan, const RunResult& made, const std::vector<std::uint64_t>& reused) {
  const auto all = run.world.all_gather(run.timings);
  const bool any = std::any_of(made.products.begin(), made.products.end(), [](const auto& result) { return !result.outcome.refusal; });
  if (!any || !run.options.summary) return;
  std::string text;
  if (run.world.is_root()) {
    const auto figures = figures_of(run, plan, made, reused);
    text = run.options.json ? to_json(run, figures, all) : to_text(run, figures);
    const bool warns = run.options.log_level != LogLevel::error;
    for (const auto& line : warns ? delta_warnings(run.work, figures.models, !reused.empty()) : std::vector<std::string>{})
      comm::print_message(run.options.program, line);
  }
  comm::print_result(run.world, text, summary_of(run.work.products.front().output));
}

void print_finished_summary(const RunContext& run, const Outcome& outcome) {
  if (!run.options.summary) return;
  const auto grid = grid_of(run.work);
  Figures figures{grid.tensors().size(), 0, 0, 0, 0, 0, grid.blocks(), grid.blocks()};
  figures.as_recorded = as_recorded(outcome);
  const auto text = !run.world.is_root() ? "" : run.options.json ? to_json(run, figures, {Timings{}}) : line_of_record(run, figures);
  comm::print_result(run.world, text, summary_of(run.work.products.front().output));
}

}  // namespace dare::pipeline
