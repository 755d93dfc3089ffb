#include "pipeline/survey_groups.hpp"

#include <dare/merge/statistics.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <algorithm>
#include <utility>

namespace dare::pipeline {
namespace {

class Grouping {
 public:
  Grouping(const Work& work, std::uint64_t memory) : work_{work}, memory_{memory} {}

  void add(std::size_t product, std::vector<std::uint32_t> tasks) {
    if (tasks.empty()) return;
    const auto memory = survey_memory(job(product));
    for (auto& group : groups_) {
      if (group.tasks != tasks || !reads_the_same(product, group)) continue;
      if (join(product, group)) return;
      if (group.memory + memory > memory_) continue;
      group.products.push_back({product});
      group.memory += memory;
      return;
    }
    groups_.push_back({std::move(tasks), {{product}}, memory});
  }
  [[nodiscard]] const std::vector<SurveyGroup>& groups() const noexcept { return groups_; }

 private:
  [[nodiscard]] const recipe::MergeJob& job(std::size_t product) const { return work_.products[product].job; }

  [[nodiscard]] bool reads_the_same(std::size_t product, const SurveyGroup& group) const {
    return std::all_of(group.tasks.begin(), group.tasks.end(), [&](auto t) {
      const auto& a = job(product).tasks[t];
      const auto& b = job(group.first()).tasks[t];
      return a.inputs == b.inputs && merge::surveyed_together(a.settings, b.settings);
    });
  }

  bool join(std::size_t product, SurveyGroup& group) const {
    for (auto& of_setting : group.products) {
      const bool equal = std::all_of(group.tasks.begin(), group.tasks.end(), [&](auto t) {
        return merge::equally_surveyed(job(product).tasks[t].settings, job(of_setting.front()).tasks[t].settings);
      });
      if (!equal) continue;
      of_setting.push_back(product);
      return true;
    }
    return false;
  }

  const Work& work_;
  std::uint64_t memory_;
  std::vector<SurveyGroup> groups_;
};

}  // namespace

std::vector<std::uint32_t> surveyed_tasks(const recipe::MergeJob& job, const std::vector<bool>& to_do) {
  std::vector<std::uint32_t> tasks;
  for (std::uint32_t t = 0; t < job.tasks.size(); ++t) {
    if (is_surveyed(job, t, to_do)) tasks.push_back(t);
  }
  return tasks;
}

std::vector<SurveyGroup> survey_groups(const Work& work, std::vector<std::vector<std::uint32_t>> tasks, std::uint64_t memory) {
  Grouping grouping{work, memory};
  for (std::size_t p = 0; p < tasks.size(); ++p) grouping.add(p, std::move(tasks[p]));
  return grouping.groups();
}

std::vector<SurveyBatch> survey_batches(const SurveyGroup& group, const recipe::MergeJob& job, std::uint64_t memory) {
  std::vector<SurveyBatch> all;
  std::uint64_t used = 0;
  bool whole_model = false;
  for (const auto t : group.tasks) {
    const auto& settings = job.tasks[t].settings;
    whole_model = whole_model || merge::needs_whole_model(settings);
    const auto size = group.products.size() * merge::Survey::memory(settings);
    if (all.empty() || (!whole_model && used + size > memory)) {
      all.emplace_back();
      used = 0;
    }
    all.back().push_back(t);
    used += size;
  }
  return all;
}

}  // namespace dare::pipeline
