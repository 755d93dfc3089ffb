#include <dare/pipeline/merge.hpp>

#include "pipeline/execute.hpp"

#include <dare/checkpoint/config_dtype.hpp>
#include <dare/comm/environment.hpp>
#include <dare/recipe/job.hpp>

#include <fmt/format.h>

#include <cstring>

namespace dare::pipeline {
namespace {

// What rank 0 reads and all ranks need.
struct Sources {
  recipe::Recipe recipe;
  checkpoint::Header base;
  std::vector<checkpoint::Header> models;
  template <class A>
  void archive(A& a) {
    a(recipe, base, models);
  }
};

void refuse_quantised(const checkpoint::Header& header, Problems& problems) {
  for (const auto& file : header.side_files) {
    if (file != "config.json") continue;
    const auto bytes = checkpoint::read_side_file(header, file);
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    if (const auto method = recipe::quantization_in(text)) {
      problems.input(fmt::format(
          "{}: config.json has a quantization_config ({}): the tensors are codes, not weights; merge the checkpoint it was quantised from",
          header.root.string(), *method));
    }
  }
}

checkpoint::Header read_source(const recipe::ModelEntry& entry, Problems& problems) {
  try {
    auto header = checkpoint::read_header(entry.path);
    refuse_quantised(header, problems);
    header.root = entry.written;  // as the user wrote it: messages and the manifest say that; files keep their own paths
    return header;
  } catch (const Error& error) {
    problems.add(error);
    return {};
  }
}

Sources read_sources(const MergeOptions& options) {
  Sources sources{recipe::load(options.recipe, options.overrides), {}, {}};
  Problems problems;
  sources.base = read_source(sources.recipe.base, problems);
  for (const auto& model : sources.recipe.models) sources.models.push_back(read_source(model, problems));
  problems.throw_if_any();
  return sources;
}

// The base's own side files and metadata, with the type that the output really has.
checkpoint::OutputSpec output_spec(const Work& work, const recipe::Recipe& recipe, const RunOptions& run) {
  checkpoint::OutputSpec spec;
  spec.tensors = output_tensors(work);
  spec.metadata = work.base.metadata.empty() ? R"({"format":"pt"})" : work.base.metadata;
  spec.shard_size = run.shard_size;
  auto base = work.base;
  base.root = recipe.base.path;
  for (const auto& file : work.base.side_files) {
    auto bytes = checkpoint::read_side_file(base, file);
    if (file == "config.json" && recipe.output_dtype()) {
      const auto text = checkpoint::with_torch_dtype({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, *recipe.output_dtype());
      bytes.resize(text.size());
      std::memcpy(bytes.data(), text.data(), text.size());
    }
    spec.side_files.push_back({file, std::move(bytes)});
  }
  return spec;
}

void print_plan(const Work& work, const MergeOptions& options, const comm::Communicator& world) {
  auto cluster = cluster_of(world);
  if (options.plan_ranks) cluster = plan::Cluster::uniform(*options.plan_ranks, options.plan_nodes.value_or(1));
  auto grid = grid_of(work);
  const auto everything = plan::remaining(grid, {});
  const auto plan = plan::make_plan(std::move(grid), std::move(cluster), options.run.limits, everything);
  if (world.is_root()) fmt::print("{}", options.run.json ? to_json(plan, options.bandwidth) : to_text(plan, options.bandwidth));
}

}  // namespace

int merge(const MergeOptions& options, const comm::Communicator& world) {
  auto sources = world.from_root([&] { return read_sources(options); });
  Work work;
  world.agree([&] {
    work.job = recipe::resolve(sources.recipe, sources.base, sources.models);
    work.base = std::move(sources.base);
    work.models = std::move(sources.models);
  });
  work.output_spec = [&] { return output_spec(work, sources.recipe, options.run); };
  world.agree([&] {
    if (world.is_root() && !options.plan_only) check_output(options.run, grid_of(work).bytes_written());
  });
  if (world.is_root()) {
    for (const auto& note : work.job.notes) comm::print_message(options.run.program, note);
  }
  if (options.plan_only) {
    print_plan(work, options, world);
  } else {
    execute(work, options.run, world);
  }
  return 0;
}

}  // namespace dare::pipeline
