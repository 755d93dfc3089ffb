#include "pipeline/tile_worker.hpp"

#include "compare/fitness.hpp"
#include "pipeline/finding_text.hpp"

#include <dare/core/error.hpp>
#include <dare/merge/deltas.hpp>

#include <algorithm>

namespace dare::pipeline {

using Action = recipe::TensorTask::Action;

TileWorker::TileWorker(const Work& work, Inputs& inputs, const std::vector<ProductStatistics>& statistics, Timings& timings,
                       std::uint64_t tile_elements)
    : work_{work},
      inputs_{inputs},
      statistics_{statistics},
      tile_elements_{tile_elements},
      timings_{timings},
      products_(work.products.size()),
      deltas_{work},
      scratch_{merge::TensorMerger::make_scratch(work.products.size() > 1)} {}

// A new tensor has its own mergers, each made where it is needed.
void TileWorker::enter(std::uint32_t tensor) {
  if (tensor_ == tensor) return;
  tensor_ = tensor;
  for (auto& product : products_) {
    product.merger.reset();
    product.kept.clear();
  }
}

void TileWorker::copy(const plan::Tile& tile, const recipe::TensorTask& task, std::span<std::byte> out) {
  const merge::Extent extent{tile.first, tile.elements};
  const auto& tensor = work_.frame.tensors[task.tensor];
  // Without a base the frame is the first model, whose place among the inputs is the same: 0.
  const auto frame = inputs_.read(0, task.tensor, extent);
  for (const auto& input : task.inputs) {
    const auto number = work_.input_of(input.model);
    if (number == 0) continue;
    const auto bytes = inputs_.read(input, extent);
    const auto differs = std::mismatch(frame.begin(), frame.end(), bytes.begin()).first;
    if (differs == frame.end()) continue;
    const auto at = tile.first + static_cast<std::uint64_t>(differs - frame.begin()) * 8 / info(tensor.dtype).bits;
    throw unequal_integer(work_, task, number, at);
  }
  std::copy(frame.begin(), frame.end(), out.begin());
}

void TileWorker::convert(const plan::Tile& tile, const recipe::TensorTask& task, std::span<std::byte> out) {
  const auto frame = inputs_.read(0, task.tensor, {tile.first, tile.elements});
  const StageTimer timer{timings_, Stage::merge};
  const auto lost =
      merge::convert(task.settings.base_dtype, frame, task.settings.out_dtype, out, task.settings.overflow, task.settings.nonfinite);
  if (!lost) return;
  const auto size = info(task.settings.base_dtype).bits / 8;
  double value = 0;
  (void)merge::convert(task.settings.base_dtype, frame.subspan(*lost * size, size), Dtype::f64,
                       std::as_writable_bytes(std::span{&value, 1}), merge::Overflow::saturate);
  throw lost_in_conversion(work_, task, tile.first + *lost, value);
}

void TileWorker::sample_likeness(const merge::Run& run, const recipe::TensorTask& task, std::size_t term) {
  const auto model = task.inputs[term].model;
  const bool whole_weights = task.settings.models[term].source != merge::Source::delta && !work_.input(work_.input_of(model)).delta;
  if (!whole_weights || deltas_.sampled(task.tensor, model) || !compare::is_matrix(work_.frame.tensors[task.tensor].shape)) return;
  deltas_.sample(task.tensor, model, merge::likeness(task.settings, run, term));
}

// Costs next to nothing where models differ from the base: in most tensors the first elements do.
void TileWorker::look_for_deltas(const merge::Run& run, const plan::Tile& tile, const recipe::TensorTask& task) {
  if (!task.settings.has_base) return;
  for (std::size_t k = 0; k < task.inputs.size(); ++k) {
    const auto model = task.inputs[k].model;
    if (model < 0 || deltas_.seen(task.tensor, model)) continue;
    // Where the tensor begins, by the one rank with that tile: others may merge the same elements for tiles behind it.
    if (tile.first == 0 && run.wanted.first == 0) sample_likeness(run, task, k);
    const auto has_any = work_.input(work_.input_of(model)).delta ? merge::has_kept_delta : merge::has_delta;
    if (has_any(task.settings, run, k)) deltas_.see(task.tensor, model);
  }
}

void TileWorker::merge(merge::Extent wanted, const plan::Tile& tile, const recipe::TensorTask& task, Product& product,
                       std::span<std::byte> out) {
  const auto run = inputs_.run(task, wanted);
  const StageTimer timer{timings_, Stage::merge};
  look_for_deltas(run, tile, task);
  if (const auto finding = product.merger->merge(run, out, product.counts, *scratch_)) throw refusal(work_, task, *finding);
}

// The tile's part of an extent that can only be merged as one, a tensor or a row: each rank that has tiles of it merges it once.
void TileWorker::merge_from(merge::Extent extent, const plan::Tile& tile, const recipe::TensorTask& task, Product& product,
                            std::span<std::byte> out) {
  const std::size_t size = info(task.settings.out_dtype).bits / 8;
  if (product.kept.empty() || product.kept_extent != extent) {
    product.kept.clear();
    std::vector<std::byte> result(extent.elements * size);
    const auto before = product.counts;
    merge(extent, tile, task, product, result);
    product.kept = std::move(result);
    product.kept_extent = extent;
    if (tile.first > extent.first) product.counts = before;  // it counts once: on the rank with its first tile
  }
  const auto first = std::max(tile.first, extent.first);
  const auto last = std::min(tile.first + tile.elements, extent.end());
  const auto part = std::span{product.kept}.subspan((first - extent.first) * size, (last - first) * size);
  std::copy(part.begin(), part.end(), out.begin() + static_cast<std::ptrdiff_t>((first - tile.first) * size));
}

// Tile by tile the row's ranks would be found again and again.
void TileWorker::merge_long_rows(const plan::Tile& tile, const recipe::TensorTask& task, Product& product, std::span<std::byte> out) {
  const auto row = task.settings.row;
  for (auto first = tile.first / row * row; first < tile.first + tile.elements; first += row)
    merge_from({first, row}, tile, task, product, out);
}

void TileWorker::compute(const plan::Tile& tile, std::size_t product, std::span<std::byte> out) {
  enter(tile.tensor);
  const auto& task = work_.products[product].job.tasks[tile.tensor];
  make(tile, task, product, out);
  if (task.settings.nonfinite != merge::Nonfinite::keep) return;
  const auto dtype = task.action == Action::copy ? work_.frame.tensors[task.tensor].dtype : task.settings.out_dtype;
  if (is_floating(dtype)) products_[product].counts.nonfinite += merge::count_nonfinite(dtype, out);
}

void TileWorker::make(const plan::Tile& tile, const recipe::TensorTask& task, std::size_t product, std::span<std::byte> out) {
  if (task.action == Action::copy) return copy(tile, task, out);
  if (task.action == Action::convert) return convert(tile, task, out);
  auto& merger = products_[product].merger;
  if (!merger) merger.emplace(task.settings, statistics_[product].of_task(tile.tensor));
  if (merge::needs_whole_tensor(task.settings)) return merge_from({0, task.settings.elements}, tile, task, products_[product], out);
  if (merge::needs_rows(task.settings) && task.settings.row > tile_elements_) return merge_long_rows(tile, task, products_[product], out);
  merge({tile.first, tile.elements}, tile, task, products_[product], out);
}

}  // namespace dare::pipeline
