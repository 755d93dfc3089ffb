#include "pipeline/tile_worker.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

[[noreturn]] void report(const Work& work, const recipe::TensorTask& task, const merge::Finding& finding) {
  const auto& tensor = work.base.tensors[task.tensor];
  const auto model = finding.model < 0 ? -1 : static_cast<int>(task.inputs[static_cast<std::size_t>(finding.model)].model);
  if (finding.kind == merge::Finding::Kind::nonfinite_input) {
    throw InputError{
        fmt::format("{}: tensor \"{}\": element {} is {}; the file is damaged or its training diverged; `nonfinite: keep` in the recipe "
                    "merges it as it is",
                    input(work, model).root.string(), tensor.name, finding.index, finding.value)};
  }
  throw InputError{fmt::format(
      "tensor \"{}\": element {} becomes {}, more than {} holds; write a wider dtype, or set `overflow: saturate` in the recipe",
      tensor.name, finding.index, finding.value, name(task.settings.out_dtype))};
}

}  // namespace

TileWorker::TileWorker(const Work& work, const comm::Communicator& world, Timings& timings) : work_{work}, timings_{timings} {
  readers_.push_back(checkpoint::open(work.base, world));
  for (const auto& model : work.models) readers_.push_back(checkpoint::open(model, world));
  buffers_.resize(readers_.size());
}

void TileWorker::close() {
  for (auto& reader : readers_) reader->close();
}

std::span<std::byte> TileWorker::read(int model, std::uint32_t tensor, const plan::Tile& tile, std::size_t buffer) {
  const StageTimer timer{timings_, Stage::read};
  const auto& info = input(work_, model).tensors[tensor];
  auto& bytes = buffers_[buffer];
  bytes.resize((tile.elements * dare::info(info.dtype).bits + 7) / 8);
  readers_[static_cast<std::size_t>(model + 1)]->read(info, tile.first, bytes);
  return bytes;
}

void TileWorker::enter(std::uint32_t tensor) {
  if (tensor_ == tensor) return;
  tensor_ = tensor;
  merger_.reset();
  const auto& task = work_.job.tasks[tensor];
  if (task.action == Action::merge) merger_.emplace(task.settings);
}

void TileWorker::copy(const plan::Tile& tile, std::span<std::byte> out) {
  const auto& task = work_.job.tasks[tile.tensor];
  const auto base = read(-1, task.tensor, tile, 0);
  for (const auto& other : task.inputs) {
    const auto bytes = read(static_cast<int>(other.model), other.tensor, tile, 1);
    const auto differs = std::mismatch(base.begin(), base.end(), bytes.begin()).first;
    if (differs == base.end()) continue;
    const auto& tensor = work_.base.tensors[task.tensor];
    const auto at = tile.first + static_cast<std::uint64_t>(differs - base.begin()) * 8 / dare::info(tensor.dtype).bits;
    throw InputError{
        fmt::format("{}: tensor \"{}\" ({}): element {} differs from the base's; integers are copied, not merged: exclude the tensor to "
                    "keep the base's",
                    input(work_, static_cast<int>(other.model)).root.string(), tensor.name, name(tensor.dtype), at)};
  }
  std::copy(base.begin(), base.end(), out.begin());
}

void TileWorker::compute(const plan::Tile& tile, std::span<std::byte> out) {
  enter(tile.tensor);
  const auto& task = work_.job.tasks[tile.tensor];
  if (task.action == Action::copy) return copy(tile, out);
  const auto base = read(-1, task.tensor, tile, 0);
  if (task.action == Action::convert) {
    const StageTimer timer{timings_, Stage::merge};
    const auto lost = merge::convert(task.settings.base_dtype, base, task.settings.out_dtype, out, task.settings.overflow);
    if (!lost) return;
    throw InputError{fmt::format("{}: tensor \"{}\": element {} does not fit {}; write a wider dtype", work_.base.root.string(),
                                 work_.base.tensors[task.tensor].name, tile.first + *lost, name(task.settings.out_dtype))};
  }
  models_.clear();
  for (std::size_t k = 0; k < task.inputs.size(); ++k) {
    models_.push_back(read(static_cast<int>(task.inputs[k].model), task.inputs[k].tensor, tile, k + 1));
  }
  const StageTimer timer{timings_, Stage::merge};
  if (const auto finding = merger_->merge(tile.first, base, models_, out, counts_, *scratch_)) report(work_, task, *finding);
}

}  // namespace dare::pipeline
