#include <dare/pipeline/work.hpp>

#include <algorithm>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

Dtype output_dtype(const Work& work, const recipe::TensorTask& task) {
  return task.action == Action::copy ? work.frame.tensors[task.tensor].dtype : task.settings.out_dtype;
}

// Every (input, tensor) that some product reads for task number t, once.
std::uint64_t read_bits(const Work& work, std::size_t t) {
  std::vector<std::uint64_t> of_input(work.inputs());
  const auto note = [&](std::size_t input, std::uint32_t tensor) { of_input[input] = info(work.input(input).tensors[tensor].dtype).bits; };
  for (const auto& product : work.products) for_each_read(work, product.job.tasks[t], note);
  std::uint64_t bits = 0;
  for (const auto one : of_input) bits += one;
  return bits;
}

}  // namespace

std::vector<checkpoint::OutputTensor> output_tensors(const Work& work, const Product& product) {
  std::vector<checkpoint::OutputTensor> tensors;
  for (const auto& task : product.job.tasks) {
    tensors.push_back({work.frame.tensors[task.tensor].name, output_dtype(work, task), task.shape});
  }
  return tensors;
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
    plan::TensorLoad load{*checked_elements(tasks[t].shape), read_bits(work, t), 0, 0};
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
