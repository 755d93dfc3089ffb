#include "pipeline/merge_plan.hpp"

#include "core/json_text.hpp"
#include "core/table.hpp"
#include "pipeline/finished.hpp"
#include "recipe/describe.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <numeric>
#include <optional>

namespace dare::pipeline {
namespace {

// What a run would find done. @param begun  rank 0's
std::vector<std::uint64_t> done_before(const Work& work, const MergeOptions& options, const Begun& begun, const comm::Communicator& world) {
  // Whether the contents that --hash-inputs records are those of a finished output is seen by reading them.
  const bool look = !options.output.empty() && !options.run.hash_inputs;
  if (!look || !all_finished({work, options.run, world}, Leftovers::leave)) return world.from_root([&] { return begun.done; });
  std::vector<std::uint64_t> all(grid_of(work).blocks());
  std::iota(all.begin(), all.end(), std::uint64_t{0});
  return all;
}

struct Space {
  std::string folder;
  std::uint64_t needed = 0;  ///< bytes
  std::uint64_t available = 0;
};

// @param begun  its files have their room already
Space space_for(const Product& product, bool begun) {
  const OutputPaths paths{product.output};
  Space space{paths.folder.string(), 0, std::filesystem::space(paths.folder).available};
  if (!begun) space.needed = plan_output(checkpoint::output_kind(product.output), product.output_spec()).total_bytes();
  return space;
}

std::string space_text(const Space& space) {
  return fmt::format("space            {} in {}, {} free{}\n",
                     space.needed == 0 ? "nothing more needed" : format_bytes(space.needed) + " needed", space.folder,
                     format_bytes(space.available), space.needed > space.available ? ": too little" : "");
}

std::string plan_json(const std::string& plan, const Product& product, const std::optional<Space>& space) {
  auto json = nlohmann::ordered_json::parse(plan);
  if (space) json["space"] = {{"folder", space->folder}, {"bytes_needed", space->needed}, {"bytes_free", space->available}};
  json["recipe"] = nlohmann::ordered_json::parse(product.job.recipe_json);
  return json_lines(json);
}

}  // namespace

void print_plan(const Work& work, const recipe::Recipe& recipe, const MergeOptions& options, const Begun& begun,
                const comm::Communicator& world) {
  const auto done = done_before(work, options, begun, world);
  auto cluster = cluster_of(world);
  if (options.plan_ranks) cluster = plan::Cluster::uniform(*options.plan_ranks, options.plan_nodes.value_or(1));
  std::optional<plan::Plan> plan;
  world.agree([&] { plan = make_plan(work, grid_of(work), std::move(cluster), options.run.limits, done); });
  const auto earlier = survey_cost(work, plan->tensors_to_do());
  std::string text;
  world.agree([&] {
    if (!world.is_root()) return;
    const auto& product = work.products.front();
    std::optional<Space> space;
    if (!options.output.empty()) space = space_for(product, begun.anything || done.size() == plan->grid.blocks());
    if (options.run.json) text = plan_json(to_json(*plan, earlier, options.bandwidth), product, space);
    else
      text = describe(recipe, terminal_columns()) + '\n' + to_text(*plan, earlier, options.bandwidth) + (space ? space_text(*space) : "");
  });
  comm::print_result(world, text);
}

}  // namespace dare::pipeline
