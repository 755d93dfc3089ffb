#include "pipeline/finding_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace dare::pipeline {

InputError refusal(const Work& work, const recipe::TensorTask& task, const merge::Finding& finding) {
  using Kind = merge::Finding::Kind;
  const auto& tensor = work.frame.tensors[task.tensor];
  if (finding.kind == Kind::nonfinite_input) {
    const auto model = finding.model < 0 ? -1 : task.inputs[static_cast<std::size_t>(finding.model)].model;
    const auto& header = work.input(finding.auxiliary ? work.auxiliary_of(model) : finding.model < 0 ? 0 : work.input_of(model));
    return InputError{
        fmt::format("{}: tensor \"{}\": element {} is {}; the file is damaged or its training diverged; `nonfinite: keep` in the recipe "
                    "merges it as it is",
                    header.root.string(), tensor.name, finding.index, finding.value)};
  }
  if (finding.kind == Kind::singular) {
    return InputError{
        fmt::format("tensor \"{}\": the sum of the Gram matrices has no inverse (smallest pivot {}); gather them on more "
                    "inputs, or set alpha below 1",
                    tensor.name, finding.value)};
  }
  if (std::isnan(finding.value)) {
    return InputError{
        fmt::format("tensor \"{}\": element {} becomes nan although every input is finite: sums on the way are more than {} holds; give "
                    "smaller weights or a smaller lambda, or exclude the tensor",
                    tensor.name, finding.index, name(merge::works_in_float64(task.settings) ? Dtype::f64 : Dtype::f32))};
  }
  return InputError{fmt::format(
      "tensor \"{}\": element {} becomes {}, more than {} holds; write a wider dtype, or set `overflow: saturate` in the recipe",
      tensor.name, finding.index, finding.value, name(task.settings.out_dtype))};
}

InputError unequal_integer(const Work& work, const recipe::TensorTask& task, std::size_t input, std::uint64_t element) {
  const auto& tensor = work.frame.tensors[task.tensor];
  return InputError{
      fmt::format("{}: tensor \"{}\" ({}): element {} differs from the base's; integers are copied, not merged: exclude the tensor to "
                  "keep the base's",
                  work.input(input).root.string(), tensor.name, name(tensor.dtype), element)};
}

InputError lost_in_conversion(const Work& work, const recipe::TensorTask& task, std::uint64_t element, double value) {
  const auto to = name(task.settings.out_dtype);
  const auto advice =
      std::isinf(value)
          ? fmt::format("which {} does not have; write another dtype, or set `nonfinite: keep` in the recipe, which makes it nan", to)
          : fmt::format("more than {} holds; write a wider dtype, or set `overflow: saturate` in the recipe", to);
  return InputError{fmt::format("{}: tensor \"{}\": element {} is {}, {}", work.frame.root.string(), work.frame.tensors[task.tensor].name,
                                element, value, advice)};
}

}  // namespace dare::pipeline
