#include "pipeline/survey_loop.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/stop_signal.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace dare::pipeline {
namespace {

using Batch = std::vector<std::uint32_t>;  // tasks, ascending

// Tasks that are surveyed together: as many as the memory for accumulators allows, all where they depend on each other.
std::vector<Batch> batches(const recipe::MergeJob& job, const std::vector<bool>& to_do, std::uint64_t memory) {
  std::vector<Batch> all;
  std::uint64_t used = 0;
  bool whole_model = false;
  for (std::uint32_t t = 0; t < job.tasks.size(); ++t) {
    const auto& task = job.tasks[t];
    if (!is_surveyed(job, t, to_do)) continue;
    whole_model = whole_model || merge::needs_whole_model(task.settings);
    const auto size = merge::Survey::memory(task.settings);
    if (all.empty() || (!whole_model && used + size > memory)) {
      all.emplace_back();
      used = 0;
    }
    all.back().push_back(t);
    used += size;
  }
  return all;
}

// One batch of one product's tensors.
class BatchSurvey {
 public:
  BatchSurvey(const Batch& batch, const recipe::MergeJob& job, const plan::Plan& plan, Inputs& inputs, const comm::Communicator& world,
              std::string_view going_on)
      : batch_{batch},
        job_{job},
        plan_{plan},
        inputs_{inputs},
        world_{world},
        then_{fmt::format("{} goes on", going_on)},
        survey_{settings(batch, job)} {
    plan::Share blocks;
    for (const auto t : batch) {
      const auto last = t + 1 < job.tasks.size() ? plan.grid.first_block(t + 1) : plan.grid.blocks();
      if (plan.grid.first_block(t) < last) blocks.push_back({plan.grid.first_block(t), last});
    }
    // All ranks share each batch, whatever the shares of the merge are: the result does not depend on it.
    share_ = plan::partition(plan.grid, blocks, world.size())[static_cast<std::size_t>(world.rank())];
  }

  void run(ProductStatistics& statistics) {
    while (!survey_.done()) {
      world_.agree([&] {
        if (survey_.wants_tiles()) feed();
      });
      world_.all_reduce(survey_.exchange(), comm::Reduce::sum);
      survey_.advance();
    }
    auto found = survey_.statistics();
    for (std::size_t i = 0; i < batch_.size(); ++i) statistics.set(batch_[i], std::move(found[i]));
  }

 private:
  static std::vector<const merge::TensorSettings*> settings(const Batch& batch, const recipe::MergeJob& job) {
    std::vector<const merge::TensorSettings*> pointers;
    for (const auto t : batch) pointers.push_back(&job.tasks[t].settings);
    return pointers;
  }

  void feed() {
    std::size_t i = 0;
    for (plan::TileCursor cursor{plan_.grid, share_, plan_.tile_elements}; !cursor.done();) {
      StopSignal::check("in the passes before the merge", then_);
      const auto tile = cursor.next();
      while (batch_[i] != tile.tensor) ++i;
      const merge::Extent extent{tile.first, tile.elements};
      if (survey_.wants(i, extent)) survey_.feed(i, inputs_.run(job_.tasks[tile.tensor], extent));
    }
  }

  const Batch& batch_;
  const recipe::MergeJob& job_;
  const plan::Plan& plan_;
  Inputs& inputs_;
  const comm::Communicator& world_;
  const std::string then_;  // what an interrupted run is told
  merge::Survey survey_;
  plan::Share share_;
};

}  // namespace

std::vector<ProductStatistics> survey(const Work& work, const plan::Plan& plan, const FinishedBlocks& finished, const RunOptions& options,
                                      Inputs& inputs, const comm::Communicator& world) {
  std::vector<ProductStatistics> all(work.products.size());
  const auto to_do_of_any = plan.tensors_to_do();
  for (std::size_t p = 0; p < all.size(); ++p) {
    const auto& job = work.products[p].job;
    const auto to_do = finished.tensors_to_do(p, plan.grid, to_do_of_any);
    // Accumulators and their sums share the memory that the merge's buffers will have.
    for (const auto& batch : batches(job, to_do, options.limits.memory_per_rank / 2)) {
      std::optional<BatchSurvey> one;
      world.agree([&] { one.emplace(batch, job, plan, inputs, world, options.going_on()); });
      one->run(all[p]);
    }
  }
  return all;
}

merge::TensorStatistics survey_tensor(const Work& work, std::uint32_t task, const plan::Plan& plan, Inputs& inputs,
                                      const comm::Communicator& world) {
  const auto& job = work.products.front().job;
  const std::vector<bool> all(job.tasks.size(), true);
  if (!is_surveyed(job, task, all)) return {};
  Batch batch{task};
  if (merge::needs_whole_model(job.tasks[task].settings)) batch = batches(job, all, 0).front();
  ProductStatistics statistics;
  std::optional<BatchSurvey> one;
  world.agree([&] { one.emplace(batch, job, plan, inputs, world, "the same command again"); });
  one->run(statistics);
  return statistics.of_task(task);
}

}  // namespace dare::pipeline
