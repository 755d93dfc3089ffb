#include "pipeline/finding_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace dare::pipeline {
namespace {

// By its flat index, as --explain takes it too, and where that does not say it, by row and column.
std::string element(const Shape& shape, std::uint64_t index) {
  return shape.size() < 2 ? fmt::format("element {}", index) : fmt::format("element {} ({})", index, place_in(shape, index));
}

// Of the input, which alone may be a Gram matrix.
const Shape& shape_of_input(const Work& work, const recipe::TensorTask& task, const merge::Finding& finding) {
  if (!finding.auxiliary) return task.shape;
  const auto& input = task.inputs[static_cast<std::size_t>(finding.model)];
  return work.input(work.auxiliary_of(input.model)).tensors[*input.auxiliary].shape;
}

// dare-merge and dare-convert have the option, dare-sweep the recipe.
constexpr auto k_saturate = "write a wider dtype, or its largest: --overflow saturate, `overflow: saturate` in a recipe";

}  // namespace

InputError refusal(const Work& work, const recipe::TensorTask& task, const merge::Finding& finding) {
  using Kind = merge::Finding::Kind;
  const auto& tensor = work.frame.tensors[task.tensor];
  if (finding.kind == Kind::nonfinite_input) {
    const auto model = finding.model < 0 ? -1 : task.inputs[static_cast<std::size_t>(finding.model)].model;
    const auto& header = work.input(finding.auxiliary ? work.auxiliary_of(model) : finding.model < 0 ? 0 : work.input_of(model));
    return InputError{
        fmt::format("{}: tensor \"{}\": {} is {}; the file is damaged or its training diverged; --nonfinite keep, or `nonfinite: keep` in "
                    "the recipe, merges it as it is",
                    header.root.string(), tensor.name, element(shape_of_input(work, task, finding), finding.index), finding.value)};
  }
  if (finding.kind == Kind::singular) {
    return InputError{
        fmt::format("tensor \"{}\": the sum of the Gram matrices has no inverse (smallest pivot {}); gather them on more "
                    "inputs, or set alpha below 1",
                    tensor.name, finding.value)};
  }
  if (std::isnan(finding.value)) {
    return InputError{fmt::format(
        "tensor \"{}\": {} becomes nan although every input is finite: sums on the way are more than {} holds; give "
        "smaller weights or a smaller lambda, or exclude the tensor",
        tensor.name, element(task.shape, finding.index), name(merge::works_in_float64(task.settings) ? Dtype::f64 : Dtype::f32))};
  }
  return InputError{fmt::format("tensor \"{}\": {} becomes {}, more than {} holds; {}", tensor.name, element(task.shape, finding.index),
                                finding.value, name(task.settings.out_dtype), k_saturate)};
}

InputError unequal_integer(const Work& work, const recipe::TensorTask& task, std::size_t input, std::uint64_t index) {
  const auto& tensor = work.frame.tensors[task.tensor];
  return InputError{
      fmt::format("{}: tensor \"{}\" ({}): {} differs from the base's; integers are copied, not merged: exclude the tensor to "
                  "keep the base's",
                  work.input(input).root.string(), tensor.name, name(tensor.dtype), element(tensor.shape, index))};
}

InputError lost_in_conversion(const Work& work, const recipe::TensorTask& task, std::uint64_t index, double value) {
  const auto to = name(task.settings.out_dtype);
  const auto advice =
      std::isinf(value)
          ? fmt::format(
                "which {} does not have; write another dtype, or let dare-merge make it nan: --nonfinite keep, `nonfinite: keep` "
                "in a recipe",
                to)
          : fmt::format("more than {} holds; {}", to, k_saturate);
  const auto& tensor = work.frame.tensors[task.tensor];
  return InputError{
      fmt::format("{}: tensor \"{}\": {} is {}, {}", work.frame.root.string(), tensor.name, element(tensor.shape, index), value, advice)};
}

}  // namespace dare::pipeline
