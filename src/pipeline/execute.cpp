#include "pipeline/execute.hpp"

#include "pipeline/input_watch.hpp"
#include "pipeline/manifest.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/slice_loop.hpp"
#include "pipeline/staged_output.hpp"
#include "pipeline/stop_signal.hpp"
#include "pipeline/summary.hpp"

#include <dare/comm/environment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace dare::pipeline {
namespace {

// What a later run could go on from stays; what was made from bad inputs goes.
bool is_given_up(const Error& error) {
  return error.code() == ExitCode::input || error.code() == ExitCode::usage;
}

comm::AgreedError with_advice(const comm::AgreedError& error) {
  if (error.code() != ExitCode::failure) return error;
  return {error.code(), std::string{error.what()} + "; what is done is kept, the same command with --resume goes on"};
}

// One run of the slice loop over staged outputs.
class Run {
 public:
  Run(const Work& work, const RunOptions& options, const comm::Communicator& world, std::vector<StagedOutput>& staged)
      : work_{work}, options_{options}, world_{world}, staged_{staged} {}

  std::vector<Outcome> run(const plan::Plan& plan, const std::vector<std::uint64_t>& done) {
    try {
      const InputWatch inputs{work_, world_};
      auto hashes = slices(plan);
      world_.agree([&] { inputs.check(); });
      for (std::size_t p = 0; p < staged_.size(); ++p) {
        if (!outcomes_[p].refusal) {
          for (const auto block : done) hashes[p][block] = staged_[p].records[block];
        }
        finish(p, plan.grid, hashes[p]);
      }
    } catch (const comm::AgreedError& error) {
      for (std::size_t p = 0; p < staged_.size(); ++p) {
        if (is_given_up(error)) discard(p);
      }
      throw with_advice(error);
    }
    const auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const bool any = std::any_of(outcomes_.begin(), outcomes_.end(), [](const auto& outcome) { return !outcome.refusal; });
    if (any) print_summary(options_, work_, plan, {counts_, timings_, elapsed, done.size()}, world_);
    add_counts();
    return std::move(outcomes_);
  }

 private:
  // read -> merge -> gather -> write. Returns, by product, the hashes of all blocks of the grid; those not done in this run are zero.
  std::vector<std::vector<Hash128>> slices(const plan::Plan& plan) {
    std::vector<Gather::Target> targets;
    std::vector<Journal> journals;
    world_.agree([&] {
      for (std::size_t p = 0; p < staged_.size(); ++p) {
        targets.push_back({write_bits(work_.products[p], work_), {staged_[p].root, staged_[p].layout}});
        journals.emplace_back(staged_[p].journal);
      }
    });
    Inputs inputs{work_, world_, timings_};
    const auto statistics = survey(work_, plan, options_.limits.memory_per_rank, inputs, world_);
    TileWorker worker{work_, inputs, statistics, timings_};
    Gather gather{world_, plan, targets, timings_};
    SliceLoop loop{world_, plan, worker, gather, journals, timings_};
    {
      Progress progress{options_.progress, loop.bytes_in_all(), world_.is_root()};
      loop.run(progress);
    }
    inputs.close();
    world_.agree([&] {
      const StageTimer timer{timings_, Stage::fsync};
      for (auto& target : targets) {
        target.writer.sync();
        target.writer.close();
      }
      for (auto& journal : journals) journal.close();
      if (world_.is_root()) sync_resumed();
    });
    std::vector<std::vector<Hash128>> hashes;
    for (std::size_t p = 0; p < staged_.size(); ++p) {
      counts_.push_back(worker.counts(p));
      outcomes_.push_back({loop.refusal(p), {}});
      hashes.push_back(outcomes_.back().refusal ? std::vector<Hash128>{} : loop.all_hashes(p));
    }
    return hashes;
  }

  // Blocks of an interrupted run may be in no file that this run's writers have synced.
  void sync_resumed() const {
    for (const auto& staged : staged_) {
      if (staged.records.empty()) continue;
      for (const auto& file : staged.layout.files) File::open_write(file.name.empty() ? staged.root : staged.root / file.name).sync();
    }
  }

  void finish(std::size_t p, const plan::Grid& grid, const std::vector<Hash128>& hashes) {
    auto& refusal = outcomes_[p].refusal;
    try {
      if (!refusal) commit(p, grid, hashes);
    } catch (const comm::AgreedError& error) { refusal = with_advice(error); }
    if (refusal && is_given_up(*refusal)) discard(p);
  }

  void add_counts() {
    std::vector<std::int64_t> sums;
    for (const auto& counts : counts_) {
      sums.push_back(static_cast<std::int64_t>(counts.merged));
      sums.push_back(static_cast<std::int64_t>(counts.swallowed));
    }
    world_.all_reduce(sums, comm::Reduce::sum);
    for (std::size_t p = 0; p < outcomes_.size(); ++p)
      outcomes_[p].counts = {static_cast<std::uint64_t>(sums[2 * p]), static_cast<std::uint64_t>(sums[2 * p + 1])};
  }

  void commit(std::size_t p, const plan::Grid& grid, const std::vector<Hash128>& hashes) {
    world_.agree([&] {
      auto& staging = staged_[p].staging;
      if (!staging) return;
      if (work_.products[p].manifest) {
        std::filesystem::remove(staging->paths().new_manifest);  // of a run that was killed between this line and the next
        write_manifest(staging->paths().new_manifest, work_, work_.products[p], grid, hashes);
        if (!staging->paths().single_file) sync_folder(staging->paths().temporary);
      }
      staging->commit(options_.overwrite);
    });
  }

  void discard(std::size_t p) {
    if (staged_[p].staging) staged_[p].staging->discard();
  }

  const Work& work_;
  const RunOptions& options_;
  const comm::Communicator& world_;
  std::vector<StagedOutput>& staged_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Timings timings_{};
  std::vector<merge::Counts> counts_;
  std::vector<Outcome> outcomes_;
};

// Blocks that all products have done already.
std::vector<std::uint64_t> done_in_all(const std::vector<StagedOutput>& staged, const Work& work, const plan::Grid& grid,
                                       const comm::Communicator& world) {
  std::vector<std::uint64_t> common;
  for (std::size_t p = 0; p < staged.size(); ++p) {
    if (staged[p].records.empty()) return {};
    const auto done = blocks_done(staged[p], write_bits(work.products[p], work), grid, world);
    std::vector<std::uint64_t> both;
    if (p == 0) both = done;
    else std::set_intersection(common.begin(), common.end(), done.begin(), done.end(), std::back_inserter(both));
    common = std::move(both);
  }
  return common;
}

}  // namespace

plan::Plan make_plan(const Work& work, plan::Grid grid, plan::Cluster cluster, plan::Limits limits,
                     const std::vector<std::uint64_t>& done) {
  limits.working_memory = working_memory(work);
  const auto todo = plan::remaining(grid, done);
  return plan::make_plan(std::move(grid), std::move(cluster), limits, todo);
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

std::vector<Outcome> execute(const Work& work, const RunOptions& options, const comm::Communicator& world) {
  const StopSignal signals;
  const auto cluster = cluster_of(world);
  const auto grid = grid_of(work);

  // A plan of everything shows what the memory allows before anything is made; the plan of a resumed run has less to do.
  std::optional<plan::Plan> plan;
  world.agree([&] { plan = make_plan(work, grid, cluster, options.limits, {}); });
  std::vector<StagedOutput> staged;
  for (const auto& product : work.products) {
    staged.push_back(prepare_output(work, product, options, grid.blocks(), world));
    if (staged.back().finished && work.products.size() == 1) {
      if (world.is_root())
        comm::print_message(options.program, fmt::format("{}: finished already, nothing to do", product.output.string()));
      return {Outcome{}};
    }
  }
  const auto done = done_in_all(staged, work, grid, world);
  if (!done.empty()) plan = make_plan(work, grid, cluster, options.limits, done);
  return Run{work, options, world, staged}.run(*plan, done);
}

}  // namespace dare::pipeline
