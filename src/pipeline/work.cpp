#include <dare/pipeline/work.hpp>

#include <algorithm>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

Dtype output_dtype(const Work& work, const recipe::TensorTask& task) {
  return task.action == Action::copy ? work.frame.tensors[task.tensor].dtype : task.settings.out_dtype;
}

struct Reading {
  std::uint64_t bits = 0;   // in memory, an element
  std::uint64_t bytes = 0;  // of files, the tensor
};

// Every (input, tensor) that some product reads for task number t, once.
Reading reading(const Work& work, std::size_t t) {
  std::vector<Reading> of_input(work.inputs());
  for (const auto& product : work.products) {
    const auto& task = product.job.tasks[t];
    for_each_read(work, task, [&](std::size_t input, std::uint32_t tensor) {
      const auto& header = work.input(input);
      const auto& one = header.tensors[tensor];
      const std::uint64_t working = merge::works_in_float64(task.settings) ? 64 : 32;  // a product of factors is in it
      of_input[input] = {one.low_rank < 0 ? info(one.dtype).bits : working, stored_bytes(header, tensor)};
    });
  }
  Reading sum;
  for (const auto& one : of_input) sum = {sum.bits + one.bits, sum.bytes + one.bytes};
  return sum;
}

}  // namespace

std::uint64_t stored_bytes(const checkpoint::Header& header, std::uint32_t tensor) {
  const auto& info = header.tensors[tensor];
  if (header.delta) return header.delta->stored[tensor].bytes;
  if (info.low_rank < 0) return info.bytes;
  const auto& factors = header.low_rank[static_cast<std::size_t>(info.low_rank)];
  return factors.a.bytes + factors.b.bytes + (factors.has_base ? factors.base.bytes : 0);
}

std::vector<checkpoint::OutputTensor> output_tensors(const Work& work, const Product& product) {
  std::vector<checkpoint::OutputTensor> tensors;
  for (const auto& task : product.job.tasks) {
    tensors.push_back({work.frame.tensors[task.tensor].name, output_dtype(work, task), task.shape});
  }
  return tensors;
}

bool keeps_nonfinite(const Product& product) {
  const auto& tasks = product.job.tasks;
  return std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return task.settings.nonfinite == merge::Nonfinite::keep; });
}

std::vector<std::uint64_t> write_bits(const Product& product, const Work& work) {
  std::vector<std::uint64_t> bits;
  for (const auto& task : product.job.tasks) bits.push_back(info(output_dtype(work, task)).bits);
  return bits;
}

plan::Grid grid_of(const Work& work) {
  std::vector<plan::TensorLoad> loads;
  const auto& tasks = work.products.front().job.tasks;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const auto read = reading(work, t);
    plan::TensorLoad load{*checked_elements(tasks[t].shape), read.bits, 0, 0, read.bytes};
    for (const auto& product : work.products) {
      const std::uint64_t bits = info(output_dtype(work, product.job.tasks[t])).bits;
      load.write_bits += bits;
      load.largest_write_bits = std::max(load.largest_write_bits, bits);
    }
    loads.push_back(load);
  }
  return plan::Grid{std::move(loads)};
}

}  // namespace dare::pipeline
