#include <dare/pipeline/merge.hpp>

#include "pipeline/execute.hpp"
#include "pipeline/explain.hpp"
#include "pipeline/sources.hpp"
#include "pipeline/staged_output.hpp"
#include "pipeline/survey_loop.hpp"

#include <dare/checkpoint/config_dtype.hpp>
#include <dare/comm/environment.hpp>
#include <dare/recipe/job.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace dare::pipeline {
namespace {

// Rows of the frame's tensors that models made longer, and of the output's: a vocabulary's size, among others. Where tensors of equally
// many rows got unlike numbers there is no answer.
std::map<std::uint64_t, std::uint64_t> longer_rows(const Work& work, const Product& product) {
  std::map<std::uint64_t, std::uint64_t> rows;
  std::set<std::uint64_t> unlike;
  for (const auto& task : product.job.tasks) {
    const auto& shape = work.frame.tensors[task.tensor].shape;
    if (shape == task.shape) continue;
    const auto [known, added] = rows.emplace(shape.front(), task.shape.front());
    if (!added && known->second != task.shape.front()) unlike.insert(shape.front());
  }
  for (const auto number : unlike) rows.erase(number);
  return rows;
}

// The frame's config.json, with the type and the vocabulary that the output really has.
std::vector<std::byte> output_config(const std::vector<std::byte>& bytes, const Work& work, const Product& product,
                                     const recipe::Recipe& recipe) {
  std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (recipe.output_dtype()) text = checkpoint::with_torch_dtype(text, *recipe.output_dtype());
  text = checkpoint::with_vocab_size(text, longer_rows(work, product));
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// The frame's own side files and metadata.
checkpoint::OutputSpec output_spec(const Work& work, const Product& product, const recipe::Recipe& recipe, const RunOptions& run) {
  checkpoint::OutputSpec spec;
  spec.tensors = output_tensors(work, product);
  spec.metadata = work.frame.metadata.empty() ? R"({"format":"pt"})" : work.frame.metadata;
  spec.shard_size = run.shard_size;
  auto frame = work.frame;
  frame.root = recipe.frame().path;
  for (const auto& file : work.frame.side_files) {
    auto bytes = checkpoint::read_side_file(frame, file);
    if (file == "config.json") bytes = output_config(bytes, work, product, recipe);
    spec.side_files.push_back({file, std::move(bytes)});
  }
  return spec;
}

void print_plan(const Work& work, const MergeOptions& options, const comm::Communicator& world) {
  auto cluster = cluster_of(world);
  if (options.plan_ranks) cluster = plan::Cluster::uniform(*options.plan_ranks, options.plan_nodes.value_or(1));
  std::optional<plan::Plan> plan;
  world.agree([&] { plan = make_plan(work, grid_of(work), std::move(cluster), options.run.limits, {}); });
  const auto earlier = survey_cost(work);
  if (!world.is_root()) return;
  fmt::print("{}", options.run.json ? to_json(*plan, earlier, options.bandwidth) : to_text(*plan, earlier, options.bandwidth));
}

// The output may not be, hold or lie in what is read: --overwrite would take the inputs away.
void refuse_output_among_inputs(const Sources& sources, const std::filesystem::path& output) {
  namespace fs = std::filesystem;
  const auto place = fs::weakly_canonical(output.has_filename() ? output : output.parent_path());
  const auto check = [&](const recipe::Source& source) {
    const auto input = fs::weakly_canonical(source.path);
    const auto [in_input, in_place] = std::mismatch(input.begin(), input.end(), place.begin(), place.end());
    if (in_input == input.end() || in_place == place.end())
      throw UsageError{fmt::format("{}: OUTPUT and the input {} lie in each other; name another output", output.string(), source.written)};
  };
  check(sources.recipe.frame());
  for (const auto& model : sources.recipe.models) check(model);
}

void check_before_work(const Work& work, const Sources& sources, const MergeOptions& options) {
  if (options.plan_only || options.explain) return;
  refuse_output_among_inputs(sources, options.output);
  if (!options.run.resume) check_output(options.output, options.run, grid_of(work).bytes_written());
}

}  // namespace

int merge(const MergeOptions& options, const comm::Communicator& world) {
  auto sources = world.from_root([&] { return read_sources(recipe::load(options.recipe, options.overrides)); });
  Work work;
  world.agree([&] {
    auto job = recipe::resolve(sources.recipe, sources.frame, sources.models, sources.auxiliaries);
    work = {sources.frame, job.has_base, sources.models, sources.auxiliaries, {}};
    work.products.push_back({std::move(job), options.output, {}});
    if (world.is_root()) check_before_work(work, sources, options);
  });
  auto& product = work.products.front();
  product.output_spec = [&] { return output_spec(work, product, sources.recipe, options.run); };
  if (world.is_root() && options.run.log_level != LogLevel::error) {
    for (const auto& note : product.job.notes) comm::print_message(options.run.program, note);
  }
  if (options.explain) {
    explain(work, sources.recipe, options, world);
  } else if (options.plan_only) {
    print_plan(work, options, world);
  } else {
    execute(work, options.run, world);
  }
  return 0;
}

}  // namespace dare::pipeline
