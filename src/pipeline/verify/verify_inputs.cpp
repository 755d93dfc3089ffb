#include "pipeline/verify/verify_inputs.hpp"

#include "pipeline/input_watch.hpp"
#include "pipeline/recorded.hpp"
#include "pipeline/survey_loop.hpp"
#include "pipeline/tile_worker.hpp"

#include <dare/core/packed.hpp>
#include <dare/core/tensor_size.hpp>
#include <dare/pipeline/input_hash.hpp>
#include <dare/pipeline/plan_work.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

// The runs of all tensors, numbered through.
class Runs {
 public:
  explicit Runs(const plan::Grid& grid) : grid_{grid} {
    for (const auto& tensor : grid.tensors()) ends_.push_back(count() + (tensor.elements + k_sample_elements - 1) / k_sample_elements);
  }
  [[nodiscard]] std::uint64_t count() const { return ends_.empty() ? 0 : ends_.back(); }
  [[nodiscard]] plan::Tile tile(std::uint64_t number) const {
    const auto tensor = static_cast<std::uint32_t>(std::upper_bound(ends_.begin(), ends_.end(), number) - ends_.begin());
    const auto first = (number - (tensor == 0 ? 0 : ends_[tensor - 1])) * k_sample_elements;
    const auto block = grid_.first_block(tensor) + first / plan::k_block_elements;
    return {block, tensor, first, std::min(k_sample_elements, grid_.tensors()[tensor].elements - first), false};
  }

 private:
  const plan::Grid& grid_;
  std::vector<std::uint64_t> ends_;
};

// Contents against the hashes of --hash-inputs, where the manifest has them.
std::vector<std::string> other_contents(const Manifest& manifest, const Work& work, const comm::Communicator& world) {
  if (!records_contents(manifest)) return {};
  return contents_that_differ(manifest, work, hash_inputs(work, world));
}

// What the inputs give must be what the output holds before bytes can be compared. `places`: each task's tensor in the output.
std::vector<std::string> tensors_that_differ(const std::vector<checkpoint::OutputTensor>& expected, const checkpoint::Header& output,
                                             std::vector<const checkpoint::TensorInfo*>& places) {
  std::vector<std::string> problems;
  for (const auto& tensor : expected) {
    places.push_back(output.find(tensor.name));
    const auto* found = places.back();
    if (found != nullptr && found->dtype == tensor.dtype && found->shape == tensor.shape) continue;
    problems.push_back(fmt::format("tensor \"{}\" is {}, the inputs give {}", tensor.name,
                                   found == nullptr ? "missing" : dtype_and_shape(*found), dtype_and_shape(tensor)));
  }
  return problems;
}

Work work_of(const Manifest& manifest, const VerifyOptions& options, const comm::Communicator& world) {
  auto sources = world.from_root([&] { return read_recorded_sources(manifest, options.output.string(), options.inputs_at); });
  Work work;
  world.agree([&] {
    auto job = recipe::resolve(sources.recipe, sources.frame, sources.models, sources.auxiliaries);
    work = {sources.frame, job.has_base, sources.models, sources.auxiliaries, {}, {}};
    work.products.push_back({std::move(job), options.output, {}});
  });
  return work;
}

// The runs that are recomputed; a choice of all is not written down.
class Chosen {
 public:
  Chosen(const Runs& runs, const VerifyOptions& options) : runs_{runs}, all_{options.all || options.sample >= runs.count()} {
    if (!all_) numbers_ = sample(runs.count(), options.sample, options.seed);
  }
  [[nodiscard]] std::uint64_t count() const { return all_ ? runs_.count() : numbers_.size(); }
  [[nodiscard]] plan::Tile tile(std::uint64_t i) const { return runs_.tile(all_ ? i : numbers_[i]); }

 private:
  const Runs& runs_;
  bool all_;
  std::vector<std::uint64_t> numbers_;
};

// Statistics are needed of the tensors in the sample alone, unless a selection is over the whole model: the others count as copied.
Work surveyed(const Work& work, const Chosen& chosen) {
  auto reduced = work;
  auto& tasks = reduced.products.front().job.tasks;
  if (std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return merge::needs_whole_model(task.settings); })) return reduced;
  std::vector<bool> wanted(tasks.size(), false);
  for (std::uint64_t i = 0; i < chosen.count(); ++i) wanted[chosen.tile(i).tensor] = true;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    if (!wanted[t]) tasks[t].action = Action::copy;
  }
  return reduced;
}

// One rank's part.
class Recomputation {
 public:
  Recomputation(const Work& work, TileWorker& worker, checkpoint::CheckpointReader& output,
                const std::vector<const checkpoint::TensorInfo*>& places, const checkpoint::Header& header)
      : worker_{worker}, output_{output}, places_{places}, header_{header}, bits_{write_bits(work.products.front(), work)} {}

  void run(const plan::Tile& tile) {
    const auto bits = static_cast<unsigned>(bits_[tile.tensor]);
    const auto bytes = packed_bytes(tile.elements, bits);
    stored_.resize(bytes);
    recomputed_.resize(bytes);
    output_.read(*places_[tile.tensor], tile.first, stored_);
    worker_.compute(tile, 0, recomputed_);
    if (stored_ != recomputed_) note(tile, bits);
  }
  [[nodiscard]] const std::vector<RunMismatch>& mismatches() const { return mismatches_; }

 private:
  void note(const plan::Tile& tile, unsigned bits) {
    RunMismatch mismatch;
    mismatch.tensor = static_cast<std::uint32_t>(places_[tile.tensor] - header_.tensors.data());
    for (std::uint64_t i = 0; i < tile.elements; ++i) {
      const auto stored = element_bits(stored_, bits, i);
      const auto recomputed = element_bits(recomputed_, bits, i);
      if (stored == recomputed) continue;
      if (mismatch.differing++ != 0) continue;
      mismatch.first = tile.first + i;
      mismatch.stored = stored;
      mismatch.recomputed = recomputed;
    }
    mismatches_.push_back(mismatch);
  }

  TileWorker& worker_;
  checkpoint::CheckpointReader& output_;
  const std::vector<const checkpoint::TensorInfo*>& places_;
  const checkpoint::Header& header_;
  std::vector<std::uint64_t> bits_;
  std::vector<std::byte> stored_;
  std::vector<std::byte> recomputed_;
  std::vector<RunMismatch> mismatches_;
};

}  // namespace

std::vector<std::uint64_t> sample(std::uint64_t of, std::uint64_t wanted, std::uint64_t seed) {
  // Floyd's: each set of `wanted` numbers is as likely as another.
  std::unordered_set<std::uint64_t> chosen;
  for (auto last = of - wanted; last < of; ++last) {
    const std::array<std::uint64_t, 2> draw{seed, last};
    const auto number = hash64(std::as_bytes(std::span{draw})) % (last + 1);
    chosen.insert(chosen.contains(number) ? last : number);
  }
  std::vector<std::uint64_t> numbers{chosen.begin(), chosen.end()};
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

InputCheck check_inputs(const VerifyOptions& options, const Manifest& manifest, const checkpoint::Header& output,
                        const comm::Communicator& world) {
  InputCheck check;
  const auto work = work_of(manifest, options, world);
  std::vector<const checkpoint::TensorInfo*> places;
  check.problems = inputs_that_differ(manifest, work);
  const auto others = tensors_that_differ(output_tensors(work, work.products.front()), output, places);
  check.problems.insert(check.problems.end(), others.begin(), others.end());
  if (check.problems.empty()) check.problems = other_contents(manifest, work, world);
  if (!check.problems.empty()) return check;

  RunOptions run;
  run.unfinished = Unfinished::resume_same;  // nothing is left of it: the same command begins anew
  run.progress = ProgressStyle::off;         // nothing else of it shows any
  run.limits.memory_per_rank = options.memory_per_rank;
  const auto grid = grid_of(work);
  auto cluster = cluster_of(world);
  std::optional<plan::Plan> planned;
  world.agree([&] { planned = make_plan(work, grid, std::move(cluster), run.limits, {}); });
  const auto& plan = *planned;
  const Runs runs{grid};
  check.runs_in_all = runs.count();
  const Chosen chosen{runs, options};
  check.runs = chosen.count();
  for (std::uint64_t i = 0; i < chosen.count(); ++i) check.elements += chosen.tile(i).elements;

  Timings timings{};
  Inputs inputs{work, world, timings};
  const auto statistics = survey(surveyed(work, chosen), plan, {}, run, inputs, world);
  const auto reader = checkpoint::open(output, world);
  TileWorker worker{work, inputs, statistics, timings};
  Recomputation mine{work, worker, *reader, places, output};
  const auto part = world.part_of(chosen.count());
  world.agree([&] {
    for (auto i = part.first; i < part.last; ++i) mine.run(chosen.tile(i));
  });
  inputs.close();
  reader->close();
  check_unchanged(work, world);
  check.mismatches = world.all_gather(mine.mismatches());
  return check;
}

}  // namespace dare::pipeline
