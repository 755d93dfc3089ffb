#include <dare/pipeline/measure.hpp>

#include "pipeline/input_watch.hpp"
#include "pipeline/progress.hpp"
#include "pipeline/survey_loop.hpp"
#include "pipeline/tile_worker.hpp"

#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

std::uint64_t sum_blocks(std::uint64_t elements) {
  return (elements + merge::k_sum_block - 1) / merge::k_sum_block;
}

comm::AgreedError stopped(int signal) {
  return {ExitCode::interrupted, fmt::format("stopped by signal {} ({}) amid statistics", signal, StopSignal::name(signal))};
}

// One rank's part of one product.
struct MeasuredProduct {
  std::optional<merge::TensorMeasurer> measurer;  // of the tensor at hand, where it is merged
  std::vector<merge::Measures> blocks;            // sums of the rank's blocks of 65,536 elements, in order
  std::optional<Error> finding;
};

class MeasureRun {
 public:
  MeasureRun(const Work& work, const plan::Plan& plan, const RunOptions& options, const comm::Communicator& world)
      : work_{work}, plan_{plan}, options_{options}, world_{world}, products_(work.products.size()), mine_(tensors()) {}

  std::vector<ProductMeasures> run() {
    check_inputs(work_, world_);
    Inputs inputs{work_, world_, timings_};
    const auto statistics = survey(work_, plan_, options_.limits.memory_per_rank, inputs, world_);
    walk(inputs, statistics);
    inputs.close();
    check_inputs(work_, world_);
    std::vector<ProductMeasures> all(products_.size());
    for (std::size_t p = 0; p < products_.size(); ++p) {
      try {
        world_.agree_on(products_[p].finding);  // shares ascend with ranks: the lowest rank's is the lowest place
      } catch (const comm::AgreedError& error) {
        all[p].refusal = error;
        continue;
      }
      all[p].tensors = totals(products_[p].blocks);
    }
    return all;
  }

 private:
  [[nodiscard]] std::size_t tensors() const { return plan_.grid.tensors().size(); }

  void walk(Inputs& inputs, const std::vector<ProductStatistics>& statistics) {
    const auto slices = plan::slices(plan_.grid, plan_.shares[static_cast<std::size_t>(world_.rank())], plan::k_slice_bytes);
    const auto rounds = static_cast<std::size_t>(world_.all_reduce(static_cast<std::int64_t>(slices.size()), comm::Reduce::max));
    Progress progress{options_.progress, plan_.grid.bytes_read(), world_.is_root()};
    for (std::size_t round = 0; round < rounds; ++round) {
      world_.agree([&] {
        if (round < slices.size()) work_slice(slices[round], inputs, statistics);
      });
      const auto signal = static_cast<int>(world_.all_reduce(StopSignal::received(), comm::Reduce::max));
      if (signal != 0) throw stopped(signal);
      progress.update(round + 1, rounds);
    }
  }

  void work_slice(const plan::Share& slice, Inputs& inputs, const std::vector<ProductStatistics>& statistics) {
    for (plan::TileCursor cursor{plan_.grid, slice, plan_.tile_elements}; !cursor.done();) {
      if (StopSignal::received() != 0) throw Error{stopped(StopSignal::received())};  // all agree on it next
      const auto tile = cursor.next();
      enter(tile, statistics);
      for (std::size_t p = 0; p < products_.size(); ++p) {
        if (!products_[p].finding && products_[p].measurer) measure(p, tile, inputs);
      }
    }
  }

  // A new tensor has its own measurers, a new block of the grid its own sums.
  void enter(const plan::Tile& tile, const std::vector<ProductStatistics>& statistics) {
    if (block_ == tile.block) return;
    block_ = tile.block;
    first_ = tile.first;
    sums_ = products_.front().blocks.size();
    const auto blocks = sum_blocks(plan_.grid.block(tile.block).elements);
    mine_[tile.tensor] += blocks;
    for (auto& product : products_) product.blocks.resize(sums_ + blocks);
    if (tensor_ == tile.tensor) return;
    tensor_ = tile.tensor;
    for (std::size_t p = 0; p < products_.size(); ++p) {
      const auto& task = work_.products[p].job.tasks[tile.tensor];
      products_[p].measurer.reset();
      if (task.action == recipe::TensorTask::Action::merge)
        products_[p].measurer.emplace(task.settings, statistics[p].of_task(tile.tensor));
    }
  }

  void measure(std::size_t p, const plan::Tile& tile, Inputs& inputs) {
    auto& product = products_[p];
    const auto& task = work_.products[p].job.tasks[tile.tensor];
    const auto run = inputs.run(task, {tile.first, tile.elements});
    const auto blocks = std::span{product.blocks}.subspan(sums_ + (tile.first - first_) / merge::k_sum_block);
    const auto finding = product.measurer->measure(run, blocks, *scratch_);
    if (finding) product.finding = refusal(work_, task, *finding);
  }

  // The sums of every tensor's blocks in order, whichever rank has them; some tensors at a time, to bound the memory.
  std::vector<merge::Measures> totals(const std::vector<merge::Measures>& blocks) const {
    std::vector<merge::Measures> all(tensors());
    std::size_t at = 0;
    for (std::size_t t = 0; t < all.size();) {
      const auto first = t;
      std::uint64_t in_all = 0;
      std::size_t own = 0;
      for (; t < all.size() && (t == first || in_all < k_gathered); ++t) {
        in_all += sum_blocks(plan_.grid.tensors()[t].elements);
        own += mine_[t];
      }
      const auto gathered = world_.all_gather(std::vector<merge::Measures>(blocks.begin() + static_cast<std::ptrdiff_t>(at),
                                                                           blocks.begin() + static_cast<std::ptrdiff_t>(at + own)));
      at += own;
      std::size_t next = 0;
      for (auto tensor = first; tensor < t; ++tensor) {
        for (std::uint64_t b = 0; b < sum_blocks(plan_.grid.tensors()[tensor].elements); ++b) all[tensor].add(gathered[next++]);
      }
    }
    return all;
  }

  static constexpr std::uint64_t k_gathered = 1U << 14U;  // sums of blocks at a time

  const Work& work_;
  const plan::Plan& plan_;
  const RunOptions& options_;
  const comm::Communicator& world_;
  Timings timings_{};
  std::vector<MeasuredProduct> products_;
  std::vector<std::size_t> mine_;  // by tensor, blocks of sums that this rank has
  merge::TensorMeasurer::ScratchPtr scratch_ = merge::TensorMeasurer::make_scratch();
  std::optional<std::uint32_t> tensor_;
  std::optional<std::uint64_t> block_;
  std::uint64_t first_ = 0;  // element of the block at hand
  std::size_t sums_ = 0;     // position of its first sums
};

}  // namespace

std::vector<ProductMeasures> measure(const Work& work, const RunOptions& options, const comm::Communicator& world) {
  std::optional<plan::Plan> plan;
  const auto cluster = cluster_of(world);
  world.agree([&] { plan = make_plan(work, grid_of(work), cluster, options.limits, {}); });
  return MeasureRun{work, *plan, options, world}.run();
}

}  // namespace dare::pipeline
