#include "sweep/costing.hpp"

#include "sweep/measures.hpp"

#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/product_deltas.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_most_tasks = 5'000'000;  // resolved before the start: about ten seconds
constexpr std::uint64_t k_tasks_of_recipe = 500;   // that take as long as all else that a point needs

// What a rank holds for one point while its pass runs: tasks, hashes of blocks, mergers.
std::uint64_t memory_of(const pipeline::Work& work, const plan::Grid& grid) {
  std::uint64_t bytes = std::uint64_t{1} << 16U;
  for (const auto& task : work.products.front().job.tasks) {
    bytes += sizeof(task) + 2 * task.settings.name.size() + task.inputs.size() * (sizeof(merge::ModelTerm) + sizeof(task.inputs.front())) +
             task.shape.size() * sizeof(std::uint64_t);
  }
  return bytes + 2 * sizeof(Hash128) * grid.blocks();
}

class FamilyCosting {
 public:
  FamilyCosting(const Specification& specification, const Family& family, const Places& places, const pipeline::RunOptions& run,
                FamilyCost& cost)
      : specification_{specification}, family_{family}, places_{places}, run_{run}, cost_{cost} {}

  // Adds one point; one of a kind that is known already is not looked at again.
  std::optional<Refusal> add(std::uint64_t point, const merge::Method& of_point, bool look) {
    const std::string method{of_point.name};
    const auto known = methods_.find(method);
    if (!look && known != methods_.end()) {
      cost_.earlier_bytes += known->second;
      return std::nullopt;
    }
    const PassWork pass{specification_, family_, {point}, places_.folder, run_};
    if (!pass.refused().empty()) return pass.refused().front().why;
    if (const auto reason = unsuited(pass.work())) return Refusal{UsageError{*reason}};
    if (specification_.settings().outputs == Outputs::delta) return add_deltas(pass.work(), method);
    const auto earlier = pipeline::survey_cost(pass.work());
    methods_[method] = earlier.bytes_read;
    cost_.earlier_bytes += earlier.bytes_read;
    cost_.earlier_passes = std::max<std::uint64_t>(cost_.earlier_passes, earlier.passes);
    for (const auto& task : pass.work().products.front().job.tasks) {
      if (task.action == recipe::TensorTask::Action::merge) cost_.alone = cost_.alone || merge::needs_whole_tensor(task.settings);
    }
    if (specification_.settings().outputs == Outputs::statistics)
      cost_.bytes_beside = std::max(cost_.bytes_beside, pipeline::measure_journal_bytes(pass.work()));
    if (cost_.bytes_read == 0) measure(pass.work());
    return std::nullopt;
  }

 private:
  // Why the kind of outputs is not there for a point.
  [[nodiscard]] std::optional<std::string> unsuited(const pipeline::Work& work) const {
    switch (specification_.settings().outputs) {
      case Outputs::statistics:
        return unmeasurable(work, work.products.front());
      case Outputs::delta:
        return pipeline::no_deltas(work, work.products.front());
      case Outputs::model:
        break;
    }
    return std::nullopt;
  }

  // Points are of different sizes: the cost of one is the mean of those that were looked at.
  std::optional<Refusal> add_deltas(const pipeline::Work& work, const std::string& method) {
    methods_[method] = 0;
    try {
      const auto one = pipeline::delta_cost(work, work.products.front(), run_);
      cost_.bytes_read = one.bytes_read;
      delta_bytes_ += one.bytes_written;
      cost_.bytes_written = delta_bytes_ / ++deltas_;
      cost_.files_of_point = std::max(cost_.files_of_point, one.files);
      cost_.memory_of_point = std::max(cost_.memory_of_point, one.memory);
    } catch (const Error& error) { return Refusal{error}; }
    if (deltas_ == 1) count_input_files(work);
    return std::nullopt;
  }

  void count_input_files(const pipeline::Work& work) {
    for (std::size_t i = 0; i < work.inputs(); ++i) cost_.input_files += work.input(i).files.size();
  }

  void measure(const pipeline::Work& work) {
    const auto grid = pipeline::grid_of(work);
    cost_.bytes_read = grid.bytes_read();
    cost_.memory_of_point = memory_of(work, grid);
    count_input_files(work);
    if (specification_.settings().outputs == Outputs::statistics) {
      cost_.memory_of_point += measuring_memory(work);
      return;
    }
    cost_.bytes_written = grid.bytes_written();
    const auto& product = work.products.front();
    cost_.files_of_point = checkpoint::plan_output(checkpoint::output_kind(product.output), product.output_spec()).files.size() + 2;
  }

  const Specification& specification_;
  const Family& family_;
  const Places& places_;
  const pipeline::RunOptions& run_;
  FamilyCost& cost_;
  std::map<std::string, std::uint64_t> methods_;
  std::uint64_t deltas_ = 0;
  std::uint64_t delta_bytes_ = 0;
};

// Of what --overwrite may not take away. Known before the start: a pass whose outputs cannot all be begun would make none of its points.
std::optional<Refusal> place_taken(const fs::path& output, const pipeline::RunOptions& run) {
  if (!run.overwrite || !fs::exists(fs::symlink_status(output))) return std::nullopt;
  try {
    pipeline::check_output(output, run, 0);
  } catch (const Error& error) { return Refusal{error}; }
  return std::nullopt;
}

}  // namespace

Costing cost_points(const Specification& specification, const std::vector<PointKey>& keys, const std::vector<Family>& families,
                    const std::vector<Standing>& standing, const Places& places, const pipeline::RunOptions& run) {
  Costing costing;
  std::uint64_t tasks = 0;
  for (const auto& family : families) tasks += family.points.size() * (k_tasks_of_recipe + family.sources.frame.tensors.size());
  for (const auto& family : families) {
    auto& cost = costing.families.emplace_back();
    FamilyCosting one{specification, family, places, run, cost};
    for (const auto point : family.points) {
      if (standing[point] != Standing::to_do) continue;
      std::optional<Refusal> refusal;
      const auto& settings = specification.settings();
      if (settings.outputs != Outputs::statistics)
        refusal = place_taken(output_of(places.folder, specification.point(point).name, settings), run);
      if (!family.problem.empty()) refusal = family.problem;
      else if (!refusal) refusal = one.add(point, *keys[point].method, tasks <= k_most_tasks);
      if (refusal) costing.refused.push_back({point, std::move(*refusal)});
      else cost.to_do.push_back(point);
    }
  }
  return costing;
}

}  // namespace dare::sweep
