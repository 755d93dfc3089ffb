#include <dare/recipe/job.hpp>

#include "core/pattern.hpp"
#include "recipe/depth.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/recipe_json.hpp"
#include "recipe/resolver.hpp"

#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <type_traits>

namespace dare::recipe {
namespace {

using Action = TensorTask::Action;
using checkpoint::TensorInfo;

}  // namespace

Resolver::Resolver(const Recipe& recipe, const merge::Method& method, const checkpoint::Header& frame,
                   const std::vector<checkpoint::Header>& models, const std::vector<checkpoint::Header>& auxiliaries)
    : recipe_{recipe},
      method_{method},
      frame_{frame},
      models_{models},
      auxiliaries_{auxiliaries},
      parameters_{effective_method(recipe, method)},
      depths_{depths(frame.tensors)},
      owner_{recipe.base ? "the base's" : "the first model's"},
      lacks_{"lacks " + owner_} {
  for (const auto& model : recipe.models) model_parameters_.push_back(effective_model(recipe, method, model));
  for (const auto& model : models) {
    matchers_.emplace_back(frame, model);
    used_.emplace_back(model.tensors.size(), false);
  }
  for (const auto& header : auxiliaries) auxiliary_matchers_.emplace_back(frame, header);
  for (const auto& pattern : recipe.exclude) exclude_.push_back(compile_pattern(pattern));
}

bool Resolver::excluded(const std::string& name) const {
  return std::any_of(exclude_.begin(), exclude_.end(), [&](const auto& pattern) { return std::regex_search(name, pattern); });
}

// Fisher weights and Gram matrices belong to whole tensors: a base that stands in for what an adapter does not name has none.
void Resolver::refuse_adapters_to_be_weighed() {
  const auto kind = auxiliary(method_);
  if (kind == merge::Auxiliary::none) return;
  for (std::size_t k = 0; k < models_.size(); ++k) {
    if (models_[k].low_rank.empty()) continue;
    problems_.usage(fmt::format(
        "{}: a LoRA adapter, and {} weighs whole models by their {}; make it a model first (dare-merge --method task_arithmetic "
        "--base BASE --model {} OUTPUT) and list that instead",
        root(k), method_.name, kind == merge::Auxiliary::fisher ? "Fisher weights" : "Gram matrices", recipe_.models[k].written));
  }
}

// Whatever `missing` says: of such a model nothing would be in the output.
void Resolver::refuse_strangers() {
  const auto to_merge = [&](const TensorInfo& tensor) { return is_floating(tensor.dtype) && !excluded(tensor.name); };
  const bool any_to_merge = std::any_of(frame_.tensors.begin(), frame_.tensors.end(), to_merge);
  for (std::size_t k = 0; k < models_.size(); ++k) {
    const auto has = [&](const TensorInfo& tensor) { return matchers_[k].find(tensor).has_value(); };
    const auto& tensors = frame_.tensors;
    strangers_.push_back(any_to_merge &&
                         std::none_of(tensors.begin(), tensors.end(), [&](const auto& t) { return has(t) && to_merge(t); }));
    if (!strangers_.back()) continue;
    const auto whose = fmt::format("the {} {}", recipe_.base ? "base" : "first model", frame_.root.string());
    problems_.input(std::any_of(tensors.begin(), tensors.end(), has)
                        ? fmt::format("{}: of {} it has only tensors that are copied, none to merge; leave it out", root(k), whose)
                        : fmt::format("{}: no tensor of {} is in it: another architecture or another base", root(k), whose));
  }
}

// A tensor that no method touches. @param compare  models must have the same.
TensorTask Resolver::untouched(std::uint32_t tensor, bool compare) {
  const auto& base = frame_.tensors[tensor];
  TensorTask task;
  task.tensor = tensor;
  task.shape = base.shape;
  task.settings.name = base.name;
  task.settings.base_dtype = base.dtype;
  task.settings.elements = task.settings.base_elements = base.elements;
  task.settings.overflow = recipe_.overflow;
  task.settings.nonfinite = recipe_.nonfinite;
  task.settings.out_dtype = is_floating(base.dtype) ? recipe_.output_dtype().value_or(base.dtype) : base.dtype;
  task.action = task.settings.out_dtype == base.dtype ? Action::copy : Action::convert;
  for (std::size_t k = 0; k < models_.size(); ++k) {
    const auto match = matchers_[k].find(base);
    if (!match) {
      if (compare) notes_.add(root(k), lacks_, "; such tensors are copied, so this changes nothing", base.name);
      continue;
    }
    used_[k][match->tensor] = true;
    if (!compare || (!recipe_.base && k == 0)) continue;
    const auto& other = models_[k].tensors[match->tensor];
    if (other.dtype == base.dtype && other.shape == base.shape) {
      task.inputs.push_back({static_cast<std::int32_t>(k), match->tensor, std::nullopt});
    } else {
      problems_.input(
          fmt::format("{}: tensor \"{}\": {}, expected {} {}: such tensors are copied, not merged; exclude the "
                      "tensor to keep {}",
                      root(k), other.name, dtype_and_shape(other), owner_, dtype_and_shape(base), owner_));
    }
  }
  return task;
}

TensorTask Resolver::merged(std::uint32_t tensor) {
  const auto& base = frame_.tensors[tensor];
  std::vector<TensorTask::Input> inputs;
  std::vector<merge::ModelTerm> terms;
  auto shape = base.shape;
  auto elements = base.elements;
  for (std::size_t k = 0; k < models_.size(); ++k) {
    const auto found = contribution(k, tensor);
    if (!found) continue;
    inputs.push_back(found->input);
    terms.push_back(term(k, tensor, *found));
    if (found->elements <= elements) continue;
    elements = found->elements;
    shape = found->info->shape;
  }
  if (terms.empty()) return untouched(tensor, false);
  TensorTask task;
  task.action = Action::merge;
  task.tensor = tensor;
  task.shape = std::move(shape);
  task.inputs = std::move(inputs);
  task.settings.models = std::move(terms);
  task.settings.elements = elements;
  settle(task, base);
  if (method_.combiner == merge::Combiner::regmean) choose_regmean(task);
  check_weights(task);
  note_two_masks(task);
  if (elements > base.elements) {
    notes_.add(frame_.root.string(),
               fmt::format("has {0} rows, the output {1}; a vocab_size of {0} in its config.json becomes {1}:", base.shape.front(),
                           task.shape.front()),
               "", base.name);
    note_dropped_rows(task);
  }
  return task;
}

// Whoever trained new tokens expects their rows whole.
void Resolver::note_dropped_rows(const TensorTask& task) {
  const auto base_elements = task.settings.base_elements;
  const auto& terms = task.settings.models;
  const auto drops = [&](const auto& term) { return term.rate.drop > 0 && term.elements > base_elements; };
  if (!recipe_.base || std::none_of(terms.begin(), terms.end(), drops)) return;
  const auto& base = frame_.tensors[task.tensor];
  notes_.add(frame_.root.string(),
             fmt::format("{} added rows are deltas to 0, dropped and weighted like all others; in the recipe, a list such as drop_rate: "
                         "[{{filter: NAME, value: 0}}, {{value: 0.9}}] drops nothing of",
                         task.shape.front() - base.shape.front()),
             "", base.name);
}

// Weights that a base stores once stay one; of those that it saved twice, programs that load the output take one, or untie them.
void Resolver::note_two_masks(const TensorTask& task) {
  const auto& terms = task.settings.models;
  const auto masks = [&](const auto& term) { return term.rate.drop > 0 && term.rate.drop < 1; };
  if (!draws(method_) || std::none_of(terms.begin(), terms.end(), masks)) return;
  const auto& tensor = frame_.tensors[task.tensor];
  const auto* const embeddings = embeddings_saved_beside(frame_, tensor);
  if (embeddings == nullptr || excluded(embeddings->name)) return;
  notes_.add(
      frame_.root.string(),
      fmt::format("its \"{}\" is tied to another tensor, and both are saved: each has a mask of its own, so that they will differ, and "
                  "programs that load the output use the first for both or untie them; a base that stores them once (as "
                  "transformers' save_pretrained does) has one mask for both:",
                  embeddings->name),
      "", tensor.name);
}

// RegMean where every model has a Gram matrix of the tensor, an average where none has.
void Resolver::choose_regmean(TensorTask& task) {
  auto& settings = task.settings;
  const auto with_gram = std::count_if(task.inputs.begin(), task.inputs.end(), [](const auto& input) { return input.auxiliary; });
  if (with_gram == 0) {
    settings.combiner = merge::Combiner::average;
    return;
  }
  for (std::size_t k = 0; k < task.inputs.size(); ++k) {
    const auto& input = task.inputs[k];
    const std::size_t model = settings.models[k].model;
    if (!input.auxiliary) {
      lacking_.add(auxiliaries_[model].root.string(), "lacks Gram matrices that other models have, of", "; give all or none",
                   settings.name);
    } else if (settings.models[k].elements != settings.elements) {
      lacking_.add(root(model), "RegMean needs the same rows of every model in", "; exclude the tensor, or leave its Gram matrices out",
                   settings.name);
    }
  }
}

// What does not depend on the models.
void Resolver::settle(TensorTask& task, const TensorInfo& base) {
  auto& settings = task.settings;
  const auto depth = depths_[task.tensor];
  settings.name = base.name;
  settings.base_dtype = base.dtype;
  settings.out_dtype = recipe_.output_dtype().value_or(base.dtype);
  settings.row = task.shape.empty() ? 1 : task.shape.back();
  settings.base_elements = base.elements;
  settings.has_base = recipe_.base.has_value();
  settings.sparsifier = method_.sparsifier;
  settings.combiner = method_.combiner;
  settings.lambda = *parameters_.lambda->at(base.name, depth);
  settings.normalize = *parameters_.normalize;
  settings.sign = *parameters_.sign;
  settings.scope = *parameters_.scope;
  settings.seed = recipe_.seed;
  settings.nonfinite = recipe_.nonfinite;
  settings.overflow = recipe_.overflow;
  settings.compat = recipe_.compat;
  settings.t = *parameters_.t->at(base.name, depth);
  settings.select_topk = *parameters_.select_topk->at(base.name, depth);
  settings.max_iterations = static_cast<int>(*parameters_.max_iter);
  settings.tolerance = *parameters_.tol;
  settings.filter_wise = *parameters_.filter_wise;
  settings.alpha = *parameters_.alpha;
  if (recipe_.rounding != merge::Rounding::stochastic) return;
  if (!merge::works_in_float64(settings) && info(settings.out_dtype).bits == 16) {
    settings.rounding = merge::Rounding::stochastic;
  } else {
    notes_.add("rounding: stochastic", "is for 16-bit outputs of 16-bit inputs; rounded to nearest:", "", base.name);
  }
}

void Resolver::extra_tensors(std::size_t model) {
  if (strangers_[model]) return;
  for (std::uint32_t i = 0; i < models_[model].tensors.size(); ++i) {
    if (used_[model][i]) continue;
    const auto& name = models_[model].tensors[i].name;
    const bool base_ties = matchers_[model].base_ties(name);
    if (!models_[model].low_rank.empty() && !base_ties && recipe_.missing == Missing::error) {
      lacking_.add(root(model), "a LoRA adapter changes tensors that are not in the base:",
                   "; give the base that it was trained on, or set missing: skip to leave these out", name);
      continue;
    }
    notes_.add(root(model),
               base_ties      ? "the base ties it to other weights and does not save it; left out:"
               : recipe_.base ? "not in the base, left out:"
                              : "not in the first model, left out:",
               "", name);
  }
}

// mergekit's slices name a part of a model's layers; only all of them are merged.
void Resolver::check_layers() {
  if (!recipe_.layers) return;
  const auto check = [&](const checkpoint::Header& header) {
    const auto layers = count_layers(header.tensors);
    if (layers == *recipe_.layers || !header.low_rank.empty()) return;
    problems_.usage(fmt::format("{}: layer_range: layers 0 to {} of the {} that {} has; parts of models are not merged here: give [0, {}]",
                                recipe_.layers_given_at, *recipe_.layers, layers, header.root.string(), layers));
  };
  check(frame_);
  for (std::size_t k = recipe_.base ? 0 : 1; k < models_.size(); ++k) check(models_[k]);  // the first is the frame where there is no base
}

// A slip of the hand in a pattern merges what was to be kept.
void Resolver::note_idle_patterns() {
  for (std::size_t i = 0; i < exclude_.size(); ++i) {
    const bool any = std::any_of(frame_.tensors.begin(), frame_.tensors.end(),
                                 [&](const auto& tensor) { return std::regex_search(tensor.name, exclude_[i]); });
    if (!any) notes_.add(recipe_.where, "exclude matches no tensor:", "", recipe_.exclude[i]);
  }
  std::set<std::string> filters;
  const auto add = [&](const auto&, const auto& value, auto) {
    if constexpr (std::is_same_v<decltype(value), const std::optional<Setting>&>) {
      for (const auto& part : value ? value->parts : std::vector<Setting::Part>{}) filters.insert(part.filter);
    }
  };
  for_each_value(recipe_.parameters, add);
  for (const auto& model : recipe_.models) for_each_value(model.parameters, add);
  for_each_value(recipe_.method_parameters, add);
  filters.erase("");
  for (const auto& filter : filters) {
    const bool any = std::any_of(frame_.tensors.begin(), frame_.tensors.end(),
                                 [&](const auto& tensor) { return tensor.name.find(filter) != std::string::npos; });
    if (!any) notes_.add(recipe_.where, "a filter matches no tensor:", "", filter);
  }
}

// What merges nothing was hardly meant.
void Resolver::note_copy(MergeJob& job) const {
  const auto add = [&](std::string_view why) {
    job.notes.push_back(fmt::format("{}: {}: the output has the weights of {} alone", recipe_.where, why, frame_.root.string()));
  };
  const auto& tasks = job.tasks;
  const auto is_merged = [](const auto& task) { return task.action == Action::merge; };
  if (std::none_of(tasks.begin(), tasks.end(), is_merged)) {
    const auto& tensors = frame_.tensors;
    const bool floats = std::any_of(tensors.begin(), tensors.end(), [](const auto& tensor) { return is_floating(tensor.dtype); });
    if (floats && !exclude_.empty()) add("exclude matches every tensor that would be merged");
    return;
  }
  const bool adds = method_.combiner == merge::Combiner::task_arithmetic || method_.combiner == merge::Combiner::ties;
  const auto adds_nothing = [](const auto& task) {
    const auto& models = task.settings.models;
    return std::all_of(models.begin(), models.end(), [](const auto& term) { return term.weight == 0; });
  };
  if (adds && job.has_base && std::all_of(tasks.begin(), tasks.end(), [&](const auto& t) { return !is_merged(t) || adds_nothing(t); }))
    add("every weight is 0");
}

MergeJob Resolver::run() {
  MergeJob job;
  job.has_base = recipe_.base.has_value();
  refuse_adapters_to_be_weighed();
  check_layers();
  problems_.throw_if_any();
  refuse_strangers();
  for (std::uint32_t t = 0; t < frame_.tensors.size(); ++t) {
    const auto& tensor = frame_.tensors[t];
    const bool kept = excluded(tensor.name);
    job.tasks.push_back(kept || !is_floating(tensor.dtype) ? untouched(t, !kept) : merged(t));
  }
  for (std::size_t k = 0; k < models_.size(); ++k) extra_tensors(k);
  note_idle_patterns();
  if (recipe_.compat == merge::Compat::mergelm) place_draws(job.tasks);
  if (parameters_.scope == merge::Scope::model) check_one_rate(job.tasks);
  for (const auto* const groups : {&unrated_, &unequal_, &weightless_, &unlisted_}) {
    for (const auto& line : groups->lines()) problems_.usage(line);
  }
  for (const auto* const groups : {&lacking_, &not_f32_}) {
    for (const auto& line : groups->lines()) problems_.input(line);
  }
  problems_.throw_if_any();
  job.notes = recipe_.notes;
  for (auto& line : notes_.lines()) job.notes.push_back(std::move(line));
  note_copy(job);
  job.recipe_json = recipe_json(recipe_, method_);
  return job;
}

MergeJob resolve(const Recipe& recipe, const checkpoint::Header& frame, const std::vector<checkpoint::Header>& models,
                 const std::vector<checkpoint::Header>& auxiliaries) {
  const auto* const method = merge::find_method(recipe.method);
  if (method == nullptr) throw UsageError{fmt::format("merge_method \"{}\" is not known", recipe.method)};
  return Resolver{recipe, *method, frame, models, auxiliaries}.run();
}

}  // namespace dare::recipe
