#include "pipeline/inputs.hpp"

#include <dare/core/packed.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>

namespace dare::pipeline {

void close_after_failure(checkpoint::CheckpointReader& reader) noexcept {
  try {
    reader.close();
  } catch (const comm::AgreedError&) {}  // NOLINT(bugprone-empty-catch): what failed first is told
}

Inputs::Inputs(const Work& work, const comm::Communicator& world, Timings& timings)
    : work_{work}, timings_{timings}, inputs_(work.inputs()) {
  try {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto& header = work.input(i);
      inputs_[i].reader = checkpoint::open(header, world);
      if (!header.low_rank.empty()) inputs_[i].low_rank = std::make_unique<checkpoint::LoraReader>(header, *inputs_[i].reader);
    }
  } catch (const comm::AgreedError&) {
    close_after_failure();
    throw;
  }
}

void Inputs::close_after_failure() noexcept {
  for (auto& input : inputs_) {
    if (input.reader) pipeline::close_after_failure(*input.reader);
  }
}

void Inputs::close() {
  for (auto& input : inputs_) input.reader->close();
}

std::vector<std::string> Inputs::descriptions() const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& header = work_.input(i);
    lines.push_back(fmt::format("input {}: {} in {}, {}", header.root.string(), plural(header.tensors.size(), "tensor"),
                                plural(header.files.size(), "file"), inputs_[i].reader->access()));
  }
  return lines;
}

std::span<const std::byte> Inputs::read(std::size_t number, std::uint32_t tensor, merge::Extent extent) {
  auto& input = inputs_[number];
  if (input.tensor == tensor && input.extent == extent) return input.bytes;
  const StageTimer timer{timings_, Stage::read};
  const auto& info = work_.input(number).tensors[tensor];
  const auto there = merge::clipped(extent, info.elements);
  input.tensor.reset();
  input.bytes.resize(packed_bytes(there.elements, dare::info(info.dtype).bits));
  if (there.elements != 0) input.reader->read(info, there.first, input.bytes);
  input.tensor = tensor;
  input.extent = extent;
  return input.bytes;
}

std::span<const std::byte> Inputs::read(const recipe::TensorTask::Input& input, merge::Extent extent) {
  return read(work_.input_of(input.model), input.tensor, extent);
}

// A LoRA adapter's change, in the working type.
std::span<const std::byte> Inputs::low_rank(std::size_t number, std::uint32_t tensor, merge::Extent extent,
                                            const checkpoint::LoraReader::BaseRun& base, bool wide) {
  auto& input = inputs_[number];
  if (input.tensor == tensor && input.extent == extent) return input.bytes;
  const StageTimer timer{timings_, Stage::read};
  const auto& info = work_.input(number).tensors[tensor];
  const auto there = merge::clipped(extent, info.elements);
  const auto fill = [&]<class W>(W /*type*/) {
    input.bytes.resize(there.elements * sizeof(W));
    const std::span<W> delta{reinterpret_cast<W*>(input.bytes.data()), there.elements};
    if (there.elements != 0) input.low_rank->read_delta(info, there.first, base, delta);
  };
  input.tensor.reset();
  if (wide) fill(double{});
  else fill(float{});
  input.tensor = tensor;
  input.extent = extent;
  return input.bytes;
}

std::span<const std::byte> Inputs::model(const recipe::TensorTask& task, const recipe::TensorTask::Input& input, merge::Extent extent) {
  const auto number = work_.input_of(input.model);
  if (work_.input(number).tensors[input.tensor].low_rank < 0) return read(number, input.tensor, extent);
  const checkpoint::LoraReader::BaseRun base{task.settings.base_dtype, read(0, task.tensor, extent)};
  return low_rank(number, input.tensor, extent, base, merge::works_in_float64(task.settings));
}

merge::Run Inputs::run(const recipe::TensorTask& task, merge::Extent wanted) {
  const auto extent = merge::extent_needed(task.settings, wanted);
  const auto base = task.settings.has_base ? read(0, task.tensor, extent) : std::span<const std::byte>{};
  models_.clear();
  auxiliaries_.clear();
  for (const auto& input : task.inputs) {
    models_.push_back(model(task, input, extent));
    if (!input.auxiliary) continue;
    const auto number = work_.auxiliary_of(input.model);
    // A Gram matrix is wanted whole, Fisher weights as the elements are.
    const bool whole = merge::needs_whole_tensor(task.settings);
    auxiliaries_.push_back(
        read(number, *input.auxiliary, whole ? merge::Extent{0, work_.input(number).tensors[*input.auxiliary].elements} : extent));
  }
  return {wanted, extent, base, models_, auxiliaries_};
}

}  // namespace dare::pipeline
