#include "pipeline/tile_worker.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {

using Action = recipe::TensorTask::Action;

TileWorker::TileWorker(const Work& work, const comm::Communicator& world, Timings& timings)
    : work_{work}, timings_{timings}, inputs_(work.inputs()), products_(work.products.size()) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i].reader = checkpoint::open(work.input(i), world);
}

void TileWorker::close() {
  for (auto& input : inputs_) input.reader->close();
}

// A new tile makes what was read before stale; a new tensor has its own mergers.
void TileWorker::enter(const plan::Tile& tile) {
  if (tile_ && tile_->block == tile.block && tile_->first == tile.first) return;
  const bool same_tensor = tile_ && tile_->tensor == tile.tensor;
  tile_ = tile;
  for (auto& input : inputs_) input.tensor.reset();
  if (same_tensor) return;
  for (std::size_t p = 0; p < products_.size(); ++p) {
    const auto& task = work_.products[p].job.tasks[tile.tensor];
    products_[p].merger.reset();
    if (task.action == Action::merge) products_[p].merger.emplace(task.settings);
  }
}

std::span<const std::byte> TileWorker::read(std::size_t number, std::uint32_t tensor) {
  auto& input = inputs_[number];
  if (input.tensor == tensor) return input.bytes;
  const StageTimer timer{timings_, Stage::read};
  const auto& info = work_.input(number).tensors[tensor];
  const auto bits = dare::info(info.dtype).bits;
  input.bytes.resize((tile_->elements * bits + 7) / 8);
  // Where rows are added an input may end before the tile does: what it lacks is 0.
  const auto there = std::min(tile_->elements, info.elements - std::min(info.elements, tile_->first));
  const auto bytes_there = (there * bits + 7) / 8;
  if (there != 0) input.reader->read(info, tile_->first, std::span{input.bytes}.first(bytes_there));
  std::fill(input.bytes.begin() + static_cast<std::ptrdiff_t>(bytes_there), input.bytes.end(), std::byte{0});
  input.tensor = tensor;
  return input.bytes;
}

std::span<const std::byte> TileWorker::read(const recipe::TensorTask::Input& input) {
  return read(work_.input_of(input.model), input.tensor);
}

void TileWorker::copy(const recipe::TensorTask& task, std::span<std::byte> out) {
  const auto frame = read(0, task.tensor);
  const auto& tensor = work_.frame.tensors[task.tensor];
  for (const auto& input : task.inputs) {
    const auto number = work_.input_of(input.model);
    if (number == 0) continue;
    const auto bytes = read(input);
    const auto differs = std::mismatch(frame.begin(), frame.end(), bytes.begin()).first;
    if (differs == frame.end()) continue;
    const auto at = tile_->first + static_cast<std::uint64_t>(differs - frame.begin()) * 8 / info(tensor.dtype).bits;
    throw InputError{
        fmt::format("{}: tensor \"{}\" ({}): element {} differs from the base's; integers are copied, not merged: exclude the tensor to "
                    "keep the base's",
                    work_.input(number).root.string(), tensor.name, name(tensor.dtype), at)};
  }
  std::copy(frame.begin(), frame.end(), out.begin());
}

void TileWorker::convert(const recipe::TensorTask& task, std::span<std::byte> out) {
  const auto frame = read(0, task.tensor);
  const StageTimer timer{timings_, Stage::merge};
  const auto lost = merge::convert(task.settings.base_dtype, frame, task.settings.out_dtype, out, task.settings.overflow);
  if (!lost) return;
  throw InputError{fmt::format("{}: tensor \"{}\": element {} does not fit {}; write a wider dtype", work_.frame.root.string(),
                               work_.frame.tensors[task.tensor].name, tile_->first + *lost, name(task.settings.out_dtype))};
}

void TileWorker::merge(const recipe::TensorTask& task, Product& product, std::span<std::byte> out) {
  const auto base = task.settings.has_base ? read(0, task.tensor) : std::span<const std::byte>{};
  models_.clear();
  for (const auto& input : task.inputs) models_.push_back(read(input));
  const StageTimer timer{timings_, Stage::merge};
  if (const auto finding = product.merger->merge(tile_->first, base, models_, out, product.counts, *scratch_)) report(task, *finding);
}

void TileWorker::report(const recipe::TensorTask& task, const merge::Finding& finding) const {
  const auto& tensor = work_.frame.tensors[task.tensor];
  if (finding.kind == merge::Finding::Kind::nonfinite_input) {
    const auto input = finding.model < 0 ? 0 : work_.input_of(task.inputs[static_cast<std::size_t>(finding.model)].model);
    throw InputError{
        fmt::format("{}: tensor \"{}\": element {} is {}; the file is damaged or its training diverged; `nonfinite: keep` in the recipe "
                    "merges it as it is",
                    work_.input(input).root.string(), tensor.name, finding.index, finding.value)};
  }
  throw InputError{fmt::format(
      "tensor \"{}\": element {} becomes {}, more than {} holds; write a wider dtype, or set `overflow: saturate` in the recipe",
      tensor.name, finding.index, finding.value, name(task.settings.out_dtype))};
}

void TileWorker::compute(const plan::Tile& tile, std::size_t product, std::span<std::byte> out) {
  enter(tile);
  const auto& task = work_.products[product].job.tasks[tile.tensor];
  switch (task.action) {
    case Action::copy:
      return copy(task, out);
    case Action::convert:
      return convert(task, out);
    case Action::merge:
      return merge(task, products_[product], out);
  }
}

}  // namespace dare::pipeline
