#include "pipeline/survey_loop.hpp"

#include "pipeline/progress.hpp"
#include "pipeline/survey_groups.hpp"

#include <dare/core/error.hpp>
#include <dare/core/pace.hpp>
#include <dare/pipeline/stop_signal.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string_view>

namespace dare::pipeline {
namespace {

constexpr std::chrono::seconds k_between_notes{10};
constexpr int k_note_share = 50;  // of the time at most one part in so many

// How far all surveys of a run are, in elements times passes.
class SurveyProgress {
 public:
  SurveyProgress(ProgressStyle style, const Work& work, const std::vector<SurveyGroup>& groups, bool speaks)
      : total_{total(work, groups)}, progress_{style, bytes(work, groups), speaks, "before the merge: "} {}

  /// @param share  of a batch's elements in one of its rounds.
  void update(double share) {
    const auto now = done_ + static_cast<std::uint64_t>(share * static_cast<double>(batch_));
    progress_.update(std::min(now, end_), std::max<std::uint64_t>(total_, 1));
  }
  void begin(const SurveyBatch& batch, const recipe::MergeJob& job) {
    batch_ = 0;
    std::uint64_t all = 0;
    for (const auto t : batch) {
      batch_ += job.tasks[t].settings.elements;
      all += of_task(job.tasks[t]);
    }
    done_ = end_;
    end_ += all;
  }
  void end_round() { done_ = std::min(done_ + batch_, end_); }

 private:
  static std::uint64_t of_task(const recipe::TensorTask& task) { return task.settings.elements * merge::statistics_passes(task.settings); }
  static std::uint64_t total(const Work& work, const std::vector<SurveyGroup>& groups) {
    std::uint64_t sum = 0;
    for (const auto& group : groups) {
      for (const auto t : group.tasks) sum += of_task(work.products[group.first()].job.tasks[t]);
    }
    return sum;
  }
  static std::uint64_t bytes(const Work& work, const std::vector<SurveyGroup>& groups) {
    std::uint64_t sum = 0;
    for (const auto& group : groups) {
      for (const auto t : group.tasks) {
        const auto& task = work.products[group.first()].job.tasks[t];
        sum += merge::statistics_passes(task.settings) * bytes_of_files(work, task);
      }
    }
    return sum;
  }

  std::uint64_t total_;
  Progress progress_;
  std::uint64_t done_ = 0;   // before the round at hand
  std::uint64_t end_ = 0;    // with the batch at hand
  std::uint64_t batch_ = 0;  // of its rounds
};

// One batch of one group's tensors.
class BatchSurvey {
 public:
  BatchSurvey(const SurveyBatch& batch, const SurveyGroup& group, const Work& work, const plan::Plan& plan, Inputs& inputs,
              const comm::Communicator& world, std::string_view going_on)
      : batch_{batch},
        job_{work.products[group.first()].job},
        plan_{plan},
        inputs_{inputs},
        world_{world},
        then_{fmt::format("{} goes on", going_on)},
        survey_{settings(batch, group, work)} {
    plan::Share blocks;
    for (const auto t : batch) {
      const auto last = t + 1 < job_.tasks.size() ? plan.grid.first_block(t + 1) : plan.grid.blocks();
      if (plan.grid.first_block(t) < last) blocks.push_back({plan.grid.first_block(t), last});
    }
    // All ranks share each batch, whatever the shares of the merge are: the result does not depend on it.
    share_ = plan::partition(plan.grid, blocks, world.size())[static_cast<std::size_t>(world.rank())];
    for (plan::TileCursor cursor{plan_.grid, share_, plan_.tile_elements}; !cursor.done();) elements_ += cursor.next().elements;
  }

  /// Every rank's result, by setting and task of the batch.
  std::vector<std::vector<merge::TensorStatistics>> run(std::size_t settings, SurveyProgress& progress) {
    progress.begin(batch_, job_);
    while (!survey_.done()) {
      const bool reads = survey_.wants_tiles();
      world_.agree([&] {
        if (reads) feed(progress);
      });
      if (reads) progress.end_round();
      world_.sum_sparse(survey_.exchange());  // histograms of small tensors are all but empty
      survey_.advance();
    }
    std::vector<std::vector<merge::TensorStatistics>> found;
    for (std::size_t s = 0; s < settings; ++s) found.push_back(survey_.statistics(s));
    return found;
  }

 private:
  static std::vector<std::vector<const merge::TensorSettings*>> settings(const SurveyBatch& batch, const SurveyGroup& group,
                                                                         const Work& work) {
    std::vector<std::vector<const merge::TensorSettings*>> pointers;
    for (const auto t : batch) {
      auto& of_tensor = pointers.emplace_back();
      for (const auto& products : group.products) of_tensor.push_back(&work.products[products.front()].job.tasks[t].settings);
    }
    return pointers;
  }

  void feed(SurveyProgress& progress) {
    std::size_t i = 0;
    std::uint64_t done = 0;
    for (plan::TileCursor cursor{plan_.grid, share_, plan_.tile_elements}; !cursor.done();) {
      StopSignal::check("in the passes before the merge", then_);
      const auto tile = cursor.next();
      while (batch_[i] != tile.tensor) ++i;
      const merge::Extent extent{tile.first, tile.elements};
      if (survey_.wants(i, extent)) survey_.feed(i, inputs_.run(job_.tasks[tile.tensor], extent));
      done += tile.elements;
      progress.update(static_cast<double>(done) / static_cast<double>(elements_));
    }
  }

  const SurveyBatch& batch_;
  const recipe::MergeJob& job_;  // of the group's first product: all read the same
  const plan::Plan& plan_;
  Inputs& inputs_;
  const comm::Communicator& world_;
  const std::string then_;  // what an interrupted run is told
  merge::Survey survey_;
  plan::Share share_;
  std::uint64_t elements_ = 0;  // in it
};

// What an interrupted run has found is not to do. Where tensors depend on each other, a survey of one is of all.
void take_known(const recipe::MergeJob& job, std::size_t product, const SurveyJournals& journals, std::vector<std::uint32_t>& tasks,
                ProductStatistics& statistics) {
  std::vector<std::uint32_t> unknown;
  std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(unknown), [&](auto t) { return journals.find(product, t) == nullptr; });
  const bool whole = std::any_of(unknown.begin(), unknown.end(), [&](auto t) { return merge::needs_whole_model(job.tasks[t].settings); });
  if (whole) return;
  for (const auto t : tasks) {
    if (const auto* known = journals.find(product, t)) statistics.set(t, *known);
  }
  tasks = std::move(unknown);
}

}  // namespace

std::vector<ProductStatistics> survey(const Work& work, const plan::Plan& plan, const FinishedBlocks& finished, const RunOptions& options,
                                      Inputs& inputs, const comm::Communicator& world, SurveyJournals* journals) {
  std::vector<ProductStatistics> all(work.products.size());
  std::vector<std::vector<std::uint32_t>> tasks;
  const auto to_do_of_any = plan.tensors_to_do();
  for (std::size_t p = 0; p < all.size(); ++p) {
    tasks.push_back(surveyed_tasks(work.products[p].job, finished.tensors_to_do(p, plan.grid, to_do_of_any)));
    if (journals == nullptr) continue;
    take_known(work.products[p].job, p, *journals, tasks[p], all[p]);
    journals->forget(p);
  }
  const auto memory = options.limits.memory_per_rank / 2;  // accumulators and their sums share what the merge's buffers will have
  const auto groups = survey_groups(work, std::move(tasks), memory);
  SurveyProgress progress{options.progress, work, groups, world.is_root()};
  Pace pace{k_between_notes, k_note_share};
  for (const auto& group : groups) {
    for (const auto& batch : survey_batches(group, work.products[group.first()].job, memory)) {
      std::optional<BatchSurvey> one;
      world.agree([&] { one.emplace(batch, group, work, plan, inputs, world, options.going_on()); });
      const auto found = one->run(group.products.size(), progress);
      for (std::size_t s = 0; s < found.size(); ++s) {
        for (const auto p : group.products[s]) {
          for (std::size_t i = 0; i < batch.size(); ++i) {
            all[p].set(batch[i], found[s][i]);
            if (journals != nullptr) journals->add(p, batch[i], found[s][i]);
          }
        }
      }
      if (journals == nullptr) continue;
      world.agree([&] {
        if (pace.due()) pace.run([&] { journals->note(); });
      });
    }
  }
  return all;
}

merge::TensorStatistics survey_tensor(const Work& work, std::uint32_t task, const plan::Plan& plan, Inputs& inputs,
                                      const comm::Communicator& world) {
  const auto& job = work.products.front().job;
  const std::vector<bool> all(job.tasks.size(), true);
  if (!is_surveyed(job, task, all)) return {};
  SurveyGroup group{{task}, {{0}}, 0};
  if (merge::needs_whole_model(job.tasks[task].settings)) group.tasks = surveyed_tasks(job, all);
  SurveyProgress progress{ProgressStyle::off, work, {group}, false};
  std::optional<BatchSurvey> one;
  world.agree([&] { one.emplace(group.tasks, group, work, plan, inputs, world, "the same command again"); });
  const auto found = one->run(1, progress);
  const auto place = std::find(group.tasks.begin(), group.tasks.end(), task) - group.tasks.begin();
  return found.front()[static_cast<std::size_t>(place)];
}

}  // namespace dare::pipeline
