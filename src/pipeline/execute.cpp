#include "pipeline/execute.hpp"

#include "pipeline/manifest.hpp"
#include "pipeline/slice_loop.hpp"
#include "pipeline/staging.hpp"
#include "pipeline/stop_signal.hpp"
#include "pipeline/summary.hpp"

#include <dare/core/byte_size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

std::vector<std::uint64_t> write_bits(const plan::Grid& grid) {
  std::vector<std::uint64_t> bits;
  for (const auto& load : grid.tensors()) bits.push_back(load.write_bits);
  return bits;
}

}  // namespace

std::vector<checkpoint::OutputTensor> output_tensors(const Work& work) {
  std::vector<checkpoint::OutputTensor> tensors;
  for (const auto& task : work.job.tasks) {
    const auto& base = work.base.tensors[task.tensor];
    tensors.push_back({base.name, task.action == recipe::TensorTask::Action::copy ? base.dtype : task.settings.out_dtype, base.shape});
  }
  return tensors;
}

plan::Grid grid_of(const Work& work) {
  const auto outputs = output_tensors(work);
  std::vector<plan::TensorLoad> loads;
  for (std::size_t t = 0; t < outputs.size(); ++t) {
    const auto& task = work.job.tasks[t];
    const auto& base = work.base.tensors[task.tensor];
    plan::TensorLoad load{base.elements, info(base.dtype).bits, info(outputs[t].dtype).bits};
    for (const auto& model : task.inputs) load.read_bits += info(work.models[model.model].tensors[model.tensor].dtype).bits;
    loads.push_back(load);
  }
  return plan::Grid{std::move(loads)};
}

void check_output(const RunOptions& options, std::uint64_t bytes) {
  const auto& output = options.output;
  const auto parent = output.has_filename() ? output.parent_path() : output.parent_path().parent_path();
  const auto folder = parent.empty() ? fs::path{"."} : parent;
  if (!fs::is_directory(folder))
    throw InputError{fmt::format("{}: its folder {} is not there; make it first", output.string(), folder.string())};
  if (!options.overwrite && fs::exists(fs::symlink_status(output))) {
    throw InputError{fmt::format("{}: exists; name another output, or give --overwrite", output.string())};
  }
  const auto space = fs::space(folder);
  if (space.available < bytes) {
    throw IoError{fmt::format("{}: needs {} ({} bytes), {} are free there", output.string(), format_bytes(bytes), bytes,
                              format_bytes(space.available))};
  }
}

plan::Cluster cluster_of(const comm::Communicator& world) {
  const auto node = world.split_by_node();
  // A node is known by its lowest rank in the world.
  const auto first = static_cast<int>(node.all_reduce(world.rank(), comm::Reduce::min));
  const auto firsts = world.all_gather(first);
  std::vector<int> nodes{firsts};
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  plan::Cluster cluster;
  for (const auto of : firsts)
    cluster.node_of.push_back(static_cast<int>(std::lower_bound(nodes.begin(), nodes.end(), of) - nodes.begin()));
  return cluster;
}

void execute(const Work& work, const RunOptions& options, const comm::Communicator& world) {
  const auto start = std::chrono::steady_clock::now();
  Timings timings{};
  const StopSignal signals;

  // plan
  auto grid = grid_of(work);
  const auto everything = plan::remaining(grid, {});
  const auto plan = plan::make_plan(std::move(grid), cluster_of(world), options.limits, everything);
  const auto bits = write_bits(plan.grid);

  // stage
  std::optional<Staging> staging;
  struct Staged {
    fs::path root;
    checkpoint::OutputLayout layout;
    void archive(OutArchive& a) { a(root, layout); }
    void archive(InArchive& a) { a(root, layout); }
  };
  const auto staged = world.from_root([&] {
    const auto spec = work.output_spec();
    const auto kind = checkpoint::output_kind(options.output);
    check_output(options, checkpoint::plan_output(kind, spec).total_bytes());
    staging.emplace(options.output);
    return Staged{staging->temporary(), checkpoint::create_output(staging->temporary(), kind, spec)};
  });

  // read -> merge -> gather -> write
  checkpoint::OutputWriter writer{staged.root, staged.layout};
  std::optional<TileWorker> worker;
  worker.emplace(work, world, timings);
  Gather gather{world, plan, bits, writer, timings};
  SliceLoop loop{world, plan, *worker, gather, timings};
  {
    Progress progress{options.progress, plan.grid.bytes_read() + plan.grid.bytes_written(), world.is_root()};
    loop.run(progress);
  }
  worker->close();

  // commit and manifest
  world.agree([&] {
    const StageTimer timer{timings, Stage::fsync};
    writer.sync();
    writer.close();
  });
  const auto hashes = world.all_gather(loop.hashes());
  world.agree([&] {
    if (!world.is_root()) return;
    if (work.manifest) write_manifest(staging->manifest(), work, plan.grid, hashes);
    staging->commit(options.overwrite);
  });
  const auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  print_summary(options, plan, worker->counts(), timings, elapsed, world);
}

}  // namespace dare::pipeline
