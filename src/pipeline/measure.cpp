#include <dare/pipeline/measure.hpp>

#include "pipeline/block_sums.hpp"
#include "pipeline/finding_text.hpp"
#include "pipeline/input_watch.hpp"
#include "pipeline/measure_journals.hpp"
#include "pipeline/progress.hpp"
#include "pipeline/run_context.hpp"
#include "pipeline/survey_loop.hpp"

#include <dare/core/error.hpp>
#include <dare/core/pace.hpp>
#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace dare::pipeline {
namespace {

constexpr std::chrono::seconds k_between_notes{10};
constexpr int k_note_share = 50;                   // of the time at most one part in so many
constexpr std::uint64_t k_records_together = 256;  // 356 KiB

// One rank's part of one product.
struct MeasuredProduct {
  std::optional<merge::TensorMeasurer> measurer;  // of the tensor at hand, where it is merged
  std::optional<Error> finding;
};

// Products whose tensor at hand is measured in one reading of its elements.
struct Together {
  std::vector<std::size_t> products;
  std::optional<merge::SharedMeasurer> measurer;
};

class MeasureRun {
 public:
  /// @param finished  of `journals`; `plan` is for the blocks that it does not have of all products.
  MeasureRun(const Work& work, const plan::Plan& plan, const MeasureJournals& journals, const FinishedBlocks& finished,
             const RunOptions& options, const comm::Communicator& world)
      : work_{work},
        plan_{plan},
        journals_{journals},
        finished_{finished},
        options_{options},
        world_{world},
        products_(work.products.size()),
        sums_{plan.grid, held_blocks(plan.shares, plan.grid.blocks())[static_cast<std::size_t>(world.rank())], work.products.size()} {}

  std::vector<ProductMeasures> run() {
    check_unchanged(work_, world_);
    read_inputs();
    check_unchanged(work_, world_);
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
      all[p].tensors.resize(plan_.grid.tensors().size());
    }
    sums_.add_up(measured, all, world_);
    return all;
  }

 private:
  void read_inputs() {
    Inputs inputs{work_, world_, timings_};
    try {
      const auto statistics = survey(work_, plan_, finished_, options_, inputs, world_);
      world_.agree([&] { take_over(); });
      walk(inputs, statistics);
    } catch (const comm::AgreedError&) {
      inputs.close_after_failure();
      throw;
    }
    inputs.close();
  }

  // The sums of the held blocks that an interrupted run has measured.
  void take_over() {
    const auto held = sums_.held();
    for (std::size_t p = 0; p < products_.size(); ++p) {
      if (finished_.of(p).empty()) continue;
      for (auto first = held.first; first < held.last; first += k_records_together) {
        const auto records = journals_.read(p, {first, std::min(first + k_records_together, held.last)});
        for (std::size_t i = 0; i < records.size(); ++i) {
          if (finished_.has(p, first + i)) take_over(p, first + i, records[i]);
        }
      }
    }
  }

  void take_over(std::size_t p, std::uint64_t block, const MeasureRecord& record) {
    if (!record.done())
      throw IoError{
          fmt::format("{}: the sums of block {} are gone; was it changed while this run is under way?", journals_.file(p).string(), block)};
    const auto sums = sums_.of(p, block);
    std::copy_n(record.sums.begin(), sums.size(), sums.begin());
  }

  void walk(Inputs& inputs, const std::vector<ProductStatistics>& statistics) {
    const auto slices = plan::slices(plan_.grid, plan_.shares[static_cast<std::size_t>(world_.rank())], plan::k_slice_bytes);
    const auto rounds = static_cast<std::size_t>(world_.all_reduce(static_cast<std::int64_t>(slices.size()), comm::Reduce::max));
    Progress progress{options_.progress, plan_.bytes_to_read(), world_.is_root()};
    try {
      for (std::size_t round = 0; round < rounds; ++round) {
        world_.agree([&] {
          if (round < slices.size()) work_slice(slices[round], inputs, statistics);
        });
        StopSignal::agree(world_, " amid statistics");
        progress.update(round + 1, rounds);
      }
    } catch (const comm::AgreedError&) {
      note_quietly();
      throw;
    }
  }

  void work_slice(const plan::Share& slice, Inputs& inputs, const std::vector<ProductStatistics>& statistics) {
    for (plan::TileCursor cursor{plan_.grid, slice, plan_.tile_elements}; !cursor.done();) {
      if (StopSignal::received() != 0) return;  // all look at it next
      const auto tile = cursor.next();
      if (tensor_ != tile.tensor) enter_tensor(tile.tensor, statistics);
      if (together_.measurer) measure_together(tile, inputs);
      for (const auto p : alone_) {
        if (to_do(p, tile)) measure(p, tile, inputs);
      }
      if (tile.ends_block) end_block(tile.block);
    }
  }

  [[nodiscard]] bool to_do(std::size_t p, const plan::Tile& tile) const { return !products_[p].finding && !finished_.has(p, tile.block); }

  void end_block(std::uint64_t block) {
    if (!unnoted_.empty() && unnoted_.back().last == block) unnoted_.back().last = block + 1;
    else unnoted_.push_back({block, block + 1});
    if (pace_.due()) pace_.run([&] { note(); });
  }

  // Of a product that is given up no more is kept.
  void note() {
    for (std::size_t p = 0; p < products_.size() && !unnoted_.empty(); ++p) {
      if (products_[p].finding) continue;
      auto journal = journals_.open(p);
      for (const auto& range : unnoted_) note(p, range, journal);
      journal.close();
    }
    unnoted_.clear();
  }

  void note(std::size_t p, plan::BlockRange range, MeasureJournal& journal) {
    std::vector<MeasureRecord> records;
    for (auto first = range.first; first < range.last; first += records.size()) {
      records.clear();
      for (auto block = first; block < std::min(first + k_records_together, range.last); ++block) records.emplace_back(sums_.of(p, block));
      journal.note(first, records);
    }
  }

  // What ends the run is told; what cannot be noted besides is measured again.
  void note_quietly() noexcept {
    try {
      note();
    } catch (const std::exception&) {}
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

  [[nodiscard]] std::span<merge::Measures> sums_of(std::size_t p, const plan::Tile& tile) {
    return sums_.of(p, tile.block).subspan(tile.first % plan::k_block_elements / merge::k_sum_block);
  }

  void note_finding(std::size_t p, const plan::Tile& tile, const std::optional<merge::Finding>& finding) {
    if (finding) products_[p].finding = refusal(work_, work_.products[p].job.tasks[tile.tensor], *finding);
  }

  void measure(std::size_t p, const plan::Tile& tile, Inputs& inputs) {
    const auto run = inputs.run(work_.products[p].job.tasks[tile.tensor], {tile.first, tile.elements});
    note_finding(p, tile, products_[p].measurer->measure(run, sums_of(p, tile), *scratch_));
  }

  void measure_together(const plan::Tile& tile, Inputs& inputs) {
    const auto& products = together_.products;
    if (std::none_of(products.begin(), products.end(), [&](auto p) { return to_do(p, tile); })) return;
    const auto run = inputs.run(work_.products[products.front()].job.tasks[tile.tensor], {tile.first, tile.elements});
    std::vector<std::span<merge::Measures>> blocks;
    std::vector<std::optional<merge::Finding>> findings;  // where there is one nothing is measured
    for (const auto p : products) {
      blocks.push_back(sums_of(p, tile));
      findings.push_back(to_do(p, tile) ? std::nullopt : std::optional{merge::Finding{}});
    }
    together_.measurer->measure(run, blocks, findings, *scratch_);
    for (std::size_t i = 0; i < products.size(); ++i) {
      if (to_do(products[i], tile)) note_finding(products[i], tile, findings[i]);
    }
  }

  const Work& work_;
  const plan::Plan& plan_;
  const MeasureJournals& journals_;
  const FinishedBlocks& finished_;
  const RunOptions& options_;
  const comm::Communicator& world_;
  Timings timings_{};
  std::vector<MeasuredProduct> products_;
  BlockSums sums_;
  plan::Share unnoted_;  // blocks that are measured and in no journal
  Pace pace_{k_between_notes, k_note_share};
  Together together_;
  std::vector<std::size_t> alone_;
  merge::TensorMeasurer::ScratchPtr scratch_ = merge::TensorMeasurer::make_scratch();
  std::optional<std::uint32_t> tensor_;
};

}  // namespace

Measurement measure(const Work& work, const std::vector<std::filesystem::path>& journals, const RunOptions& options,
                    const comm::Communicator& world) {
  const RunContext run{work, options, world};
  const auto cluster = cluster_of(world);
  const auto grid = grid_of(work);
  const MeasureJournals kept{journals, work, options, grid.blocks(), world};
  const auto finished = kept.find_finished(world);
  run.tell(fmt::format("statistics: {} of {} blocks are there of all points of the pass, by an interrupted run", finished.in_all().size(),
                       grid.blocks()));
  std::optional<plan::Plan> plan;
  world.agree([&] { plan = make_plan(work, grid, cluster, options.limits, finished.in_all()); });
  return {MeasureRun{work, *plan, kept, finished, options, world}.run(), plan->bytes_to_read()};
}

}  // namespace dare::pipeline
