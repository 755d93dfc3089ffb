#include "pipeline/explain/explain.hpp"

#include "checkpoint/kept_mask.hpp"
#include "core/pattern.hpp"
#include "core/table.hpp"
#include "merge/explain.hpp"
#include "pipeline/explain/element.hpp"
#include "pipeline/explain/explain_print.hpp"
#include "pipeline/finding_text.hpp"
#include "pipeline/inputs.hpp"
#include "pipeline/survey_loop.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/plan_work.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <regex>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

std::string why_untouched(const recipe::TensorTask& task, const checkpoint::TensorInfo& tensor, const recipe::Recipe& recipe) {
  for (const auto& pattern : recipe.exclude) {
    if (std::regex_search(tensor.name, compile_pattern(pattern))) return fmt::format("the tensor is excluded by \"{}\"", pattern);
  }
  if (!is_floating(tensor.dtype)) return fmt::format("{} is not merged: the models' must be the same", name(tensor.dtype));
  return task.inputs.empty() ? "no model has the tensor" : "no method touches the tensor";
}

merge::StoredElement stored(Dtype dtype, std::span<const std::byte> bytes) {
  merge::StoredElement element{dtype, 0, 0};
  std::memcpy(&element.bits, bytes.data(), std::min<std::size_t>(bytes.size(), 8));
  double value = 0;
  if (is_floating(dtype) &&
      !merge::convert(dtype, bytes, Dtype::f64, std::as_writable_bytes(std::span{&value, 1}), merge::Overflow::saturate))
    element.value = value;
  return element;
}

// An element that no method touches; types of less than a byte share bytes, so one of their elements is not read alone.
void explain_untouched(Explained& explained, const recipe::TensorTask& task, Inputs& inputs, std::uint64_t index) {
  const auto& settings = task.settings;
  if (info(settings.base_dtype).bits % 8 != 0) return;
  const auto bytes = inputs.read(0, task.tensor, {index, 1});
  explained.copied = stored(settings.base_dtype, bytes);
  explained.written = explained.copied;
  if (task.action != Action::convert) return;
  std::array<std::byte, 8> out{};
  const auto size = info(settings.out_dtype).bits / 8;
  const auto lost =
      merge::convert(settings.base_dtype, bytes, settings.out_dtype, std::span{out}.first(size), settings.overflow, settings.nonfinite);
  explained.written = stored(settings.out_dtype, std::span{out}.first(size));
  if (lost) explained.refusal = fmt::format("it does not fit {}; write a wider dtype", name(settings.out_dtype));
}

// Of a delta checkpoint: whether the element is one that it has not.
bool is_left_out(const checkpoint::Header& model, std::uint32_t tensor, std::uint64_t index) {
  if (!model.delta || model.delta->packed[tensor] == 0 || index >= model.tensors[tensor].elements) return false;
  return checkpoint::KeptMask{model.delta->mask, model.tensors[tensor].name}.count(index, 1) == 0;
}

void name_models(Explained& explained, const Work& work, const recipe::TensorTask& task) {
  for (const auto& input : task.inputs) {
    const auto root = work.input(work.input_of(input.model)).root.string();
    explained.models.push_back(input.model < 0 ? root + " (stands in)" : root);
    explained.left_out.push_back(is_left_out(work.input(work.input_of(input.model)), input.tensor, explained.index));
  }
}

}  // namespace

void explain(const Work& work, const recipe::Recipe& recipe, const MergeOptions& options, const comm::Communicator& world) {
  const auto& product = work.products.front();
  Element element;
  std::optional<plan::Plan> plan;
  auto cluster = cluster_of(world);
  world.agree([&] {
    element = find_element(*options.explain, work, product);
    plan = make_plan(work, grid_of(work), std::move(cluster), options.run.limits, {});
  });
  const auto& task = product.job.tasks[element.task];
  const auto& tensor = work.frame.tensors[task.tensor];
  Timings timings{};
  Inputs inputs{work, world, timings};
  Explained explained{recipe, task, tensor.name, work.frame.root.string(), element.index};
  if (task.action == Action::merge) {
    const auto statistics = survey_tensor(work, element.task, *plan, inputs, world);
    world.agree([&] {
      if (!world.is_root()) return;
      name_models(explained, work, task);
      explained.merged = merge::explain(task.settings, statistics, inputs.run(task, {element.index, 1}));
      if (explained.merged->finding) explained.refusal = refusal(work, task, *explained.merged->finding).what();
    });
  } else {
    world.agree([&] {
      if (!world.is_root()) return;
      explained.untouched = why_untouched(task, tensor, recipe);
      explain_untouched(explained, task, inputs, element.index);
    });
  }
  inputs.close();
  comm::print_result(world, !world.is_root() ? "" : options.run.json ? to_json(explained) : to_text(explained, terminal_columns()));
}

}  // namespace dare::pipeline
