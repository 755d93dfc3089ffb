#include <dare/pipeline/measure.hpp>

#include "pipeline/finding_text.hpp"
#include "pipeline/input_watch.hpp"
#include "pipeline/progress.hpp"
#include "pipeline/survey_loop.hpp"

#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace dare::pipeline {
namespace {

std::uint64_t sum_blocks(std::uint64_t elements) {
  return (elements + merge::k_sum_block - 1) / merge::k_sum_block;
}

// One rank's part of one product.
struct MeasuredProduct {
  std::optional<merge::TensorMeasurer> measurer;  // of the tensor at hand, where it is merged
  std::vector<merge::Measures> blocks;            // sums of the rank's blocks of 65,536 elements, in order
  std::optional<Error> finding;
};

// Products whose tensor at hand is measured in one reading of its elements.
struct Together {
  std::vector<std::size_t> products;
  std::optional<merge::SharedMeasurer> measurer;
};

class MeasureRun {
 public:
  MeasureRun(const Work& work, const plan::Plan& plan, const RunOptions& options, const comm::Communicator& world)
      : work_{work}, plan_{plan}, options_{options}, world_{world}, products_(work.products.size()), mine_(tensors()) {}

  std::vector<ProductMeasures> run() {
    check_inputs(work_, world_);
    Inputs inputs{work_, world_, timings_};
    const auto statistics = survey(work_, plan_, {}, options_, inputs, world_);
    walk(inputs, statistics);
    inputs.close();
    check_inputs(work_, world_);
    std::vector<ProductMeasures> all(products_.size());
    std::vector<std::size_t> measured;
    for (std::size_t p = 0; p < products_.size(); ++p) {
      try {
        world_.agree_on(products_[p].finding);  // shares ascend with ranks: the lowest rank's is the lowest place
      } catch (const comm::AgreedError& error) {
        all[p].refusal = error;
        continue;
      }
      measured.push_back(p);
      all[p].tensors.resize(tensors());
    }
    gather_totals(measured, all);
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
      StopSignal::agree(world_, " amid statistics");
      progress.update(round + 1, rounds);
    }
  }

  void work_slice(const plan::Share& slice, Inputs& inputs, const std::vector<ProductStatistics>& statistics) {
    for (plan::TileCursor cursor{plan_.grid, slice, plan_.tile_elements}; !cursor.done();) {
      if (StopSignal::received() != 0) return;  // all look at it next
      const auto tile = cursor.next();
      enter(tile, statistics);
      if (together_.measurer) measure_together(tile, inputs);
      for (const auto p : alone_) {
        if (!products_[p].finding) measure(p, tile, inputs);
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
    enter_tensor(tile.tensor, statistics);
  }

  void enter_tensor(std::uint32_t tensor, const std::vector<ProductStatistics>& statistics) {
    tensor_ = tensor;
    alone_.clear();
    together_ = {};
    std::vector<const merge::TensorMeasurer*> measurers;
    for (std::size_t p = 0; p < products_.size(); ++p) {
      const auto& task = work_.products[p].job.tasks[tensor];
      products_[p].measurer.reset();
      if (task.action != recipe::TensorTask::Action::merge) continue;
      products_[p].measurer.emplace(task.settings, statistics[p].of_task(tensor));
      const bool shares = merge::SharedMeasurer::can_share(task.settings) && same_inputs(task, together_.products, tensor);
      if (shares) measurers.push_back(&*products_[p].measurer);
      (shares ? together_.products : alone_).push_back(p);
    }
    if (!measurers.empty()) together_.measurer.emplace(std::move(measurers));
  }

  // Whether a task reads what those of the others read: `missing` and `rows` may leave models out, or set the base in their place.
  [[nodiscard]] bool same_inputs(const recipe::TensorTask& task, const std::vector<std::size_t>& others, std::uint32_t tensor) const {
    if (others.empty()) return true;
    const auto& other = work_.products[others.front()].job.tasks[tensor];
    const auto same = [](const auto& a, const auto& b) { return a.model == b.model && a.tensor == b.tensor; };
    return std::equal(task.inputs.begin(), task.inputs.end(), other.inputs.begin(), other.inputs.end(), same) &&
           task.settings.base_elements == other.settings.base_elements &&
           std::equal(task.settings.models.begin(), task.settings.models.end(), other.settings.models.begin(), other.settings.models.end(),
                      [](const auto& a, const auto& b) { return a.elements == b.elements; });
  }

  [[nodiscard]] std::span<merge::Measures> blocks_of(std::size_t p, const plan::Tile& tile) {
    return std::span{products_[p].blocks}.subspan(sums_ + (tile.first - first_) / merge::k_sum_block);
  }

  void note(std::size_t p, const plan::Tile& tile, const std::optional<merge::Finding>& finding) {
    if (finding) products_[p].finding = refusal(work_, work_.products[p].job.tasks[tile.tensor], *finding);
  }

  void measure(std::size_t p, const plan::Tile& tile, Inputs& inputs) {
    const auto run = inputs.run(work_.products[p].job.tasks[tile.tensor], {tile.first, tile.elements});
    note(p, tile, products_[p].measurer->measure(run, blocks_of(p, tile), *scratch_));
  }

  void measure_together(const plan::Tile& tile, Inputs& inputs) {
    const auto& products = together_.products;
    const auto run = inputs.run(work_.products[products.front()].job.tasks[tile.tensor], {tile.first, tile.elements});
    std::vector<std::span<merge::Measures>> blocks;
    std::vector<std::optional<merge::Finding>> findings;
    for (const auto p : products) {
      blocks.push_back(blocks_of(p, tile));
      findings.push_back(products_[p].finding ? std::optional{merge::Finding{}} : std::nullopt);
    }
    together_.measurer->measure(run, blocks, findings, *scratch_);
    for (std::size_t i = 0; i < products.size(); ++i) {
      if (!products_[products[i]].finding) note(products[i], tile, findings[i]);
    }
  }

  // The sums of every tensor's blocks in order, whichever rank has them. Some products and tensors at a time, to bound the memory.
  void gather_totals(std::span<const std::size_t> products, std::vector<ProductMeasures>& all) const {
    std::uint64_t largest = 1;
    for (const auto& tensor : plan_.grid.tensors()) largest = std::max(largest, sum_blocks(tensor.elements));
    const auto at_once = std::max<std::size_t>(1, k_gathered / largest);
    for (; !products.empty(); products = products.subspan(std::min(at_once, products.size())))
      gather_some(products.first(std::min(at_once, products.size())), all);
  }

  void gather_some(std::span<const std::size_t> products, std::vector<ProductMeasures>& all) const {
    std::size_t at = 0;
    for (std::size_t t = 0; t < tensors();) {
      const auto first = t;
      std::uint64_t in_all = 0;
      std::size_t own = 0;
      for (; t < tensors() && (t == first || in_all * products.size() < k_gathered); ++t) {
        in_all += sum_blocks(plan_.grid.tensors()[t].elements);
        own += mine_[t];
      }
      std::vector<merge::Measures> mine;  // of each block in order those of all products: so it is after the gathering too
      mine.reserve(own * products.size());
      for (const auto end = at + own; at < end; ++at) {
        for (const auto p : products) mine.push_back(products_[p].blocks[at]);
      }
      const auto gathered = world_.all_gather(mine);
      std::size_t next = 0;
      for (auto tensor = first; tensor < t; ++tensor) {
        for (std::uint64_t b = 0; b < sum_blocks(plan_.grid.tensors()[tensor].elements); ++b) {
          for (const auto p : products) all[p].tensors[tensor].add(gathered[next++]);
        }
      }
    }
  }

  static constexpr std::uint64_t k_gathered = 1U << 16U;  // sums of blocks at a time

  const Work& work_;
  const plan::Plan& plan_;
  const RunOptions& options_;
  const comm::Communicator& world_;
  Timings timings_{};
  std::vector<MeasuredProduct> products_;
  std::vector<std::size_t> mine_;  // by tensor, blocks of sums that this rank has
  Together together_;
  std::vector<std::size_t> alone_;
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
