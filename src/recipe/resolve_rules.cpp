// What must hold over the models of a tensor, and over the tensors of a merge.
#include "core/printable.hpp"
#include "recipe/resolver.hpp"
#include "recipe/yaml_reader.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>

namespace dare::recipe {
namespace {

using Action = TensorTask::Action;

constexpr double k_least_sum = 1e-8;  // of weights that something is divided by

}  // namespace

// `scope: model` selects one share of a whole model.
void Resolver::check_one_rate(const std::vector<TensorTask>& tasks) {
  std::map<std::uint32_t, merge::Rate> rates;
  for (const auto& task : tasks) {
    for (const auto& term : task.settings.models) {
      if (rates.try_emplace(term.model, term.rate).first->second == term.rate) continue;
      unequal_.add(fmt::format("{}: {}", recipe_.where, recipe_.models[term.model].written),
                   "scope: model takes one drop_rate for the whole model, another is given for", "; give one, or scope: tensor",
                   task.settings.name);
    }
  }
}

// Nothing is divided by a sum of weights near 0, whichever models a row has.
void Resolver::check_weights(const TensorTask& task) {
  const auto& settings = task.settings;
  const bool by_mergekit = recipe_.compat == merge::Compat::mergekit && !averages_models(method_);  // it divides by 1 then
  if ((!settings.normalize && !averages_models(method_)) || by_mergekit) return;
  std::set<std::uint64_t> ends;
  for (const auto& term : settings.models) ends.insert(term.elements);
  for (const auto end : ends) {
    double sum = 0;
    for (const auto& term : settings.models) {
      if (term.elements < end) continue;
      sum += term.weight;
    }
    if (std::abs(sum) >= k_least_sum) continue;
    weightless_.add(fmt::format("{}: weight", recipe_.where),
                    fmt::format("{} divides by the sum of the weights, which is {} for", recipe_.method, sum), "; change the weights",
                    settings.name);
    return;
  }
}

// compat mergelm: one MT19937 stream through the tensors in order, models one after another.
void Resolver::place_draws(std::vector<TensorTask>& tasks) {
  std::map<std::string_view, TensorTask*> by_name;
  for (auto& task : tasks) by_name.emplace(task.settings.name, &task);
  std::vector<TensorTask*> order;
  std::set<const TensorTask*> listed;
  for (const auto& name : recipe_.tensor_order) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      problems_.usage(fmt::format("{}: tensor_order: the base has no tensor {}; list the base's names", recipe_.where, in_quotes(name)));
      continue;
    }
    order.push_back(found->second);
    listed.insert(found->second);
  }
  const auto is_f32 = [](Dtype dtype) { return dtype == Dtype::f32; };
  const auto not_f32 = [&](const std::string& where, Dtype dtype, const std::string& tensor) {
    not_f32_.add(where, fmt::format("compat: mergelm merges F32 alone, found {} in", name(dtype)),
                 "; convert the checkpoint (dare-convert --dtype F32), or leave compat out", tensor);
  };
  std::uint64_t draws_so_far = 0;
  for (auto& task : tasks) {
    if (recipe_.tensor_order.empty()) {
      order.push_back(&task);
    } else if (task.action == Action::merge && !listed.contains(&task)) {
      unlisted_.add(fmt::format("{}: tensor_order", recipe_.where), "does not name", "; it must name every merged tensor",
                    task.settings.name);
    }
    if (task.action != Action::merge) continue;
    if (!is_f32(task.settings.base_dtype)) not_f32(frame_.root.string(), task.settings.base_dtype, task.settings.name);
    for (std::size_t k = 0; k < task.inputs.size(); ++k) {
      const auto& term = task.settings.models[k];
      if (task.inputs[k].model >= 0 && !is_f32(term.dtype)) not_f32(root(term.model), term.dtype, task.settings.name);
    }
  }
  for (std::size_t k = 0; k < models_.size(); ++k) {
    for (auto* const task : order) {
      for (std::size_t i = 0; i < task->inputs.size() && task->action == Action::merge; ++i) {
        if (task->settings.models[i].model != k) continue;  // a stand-in of an adapter too: its merged model would draw here
        task->settings.models[i].first_draw = draws_so_far;
        draws_so_far += task->settings.elements;
      }
    }
  }
}

}  // namespace dare::recipe
