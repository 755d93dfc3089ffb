#include <dare/pipeline/delta_models.hpp>

#include <dare/core/error.hpp>
#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>

#include <set>

namespace dare::pipeline {
namespace {

// Why what a delta checkpoint keeps is not enough, and what to do.
std::string why_not_enough(const merge::TensorSettings& settings) {
  if (settings.sparsifier == merge::Sparsifier::dare && settings.compat == merge::Compat::mergelm)
    return "compat: mergelm draws other masks than its own; leave compat out, or give the model that it was made from";
  if (settings.sparsifier == merge::Sparsifier::dare && settings.compat == merge::Compat::mergekit)
    return "compat: mergekit rescales to the l1 norm of the whole delta, which is not in it; leave compat out, or give rescale: expected "
           "or none";
  return fmt::format("the method looks at deltas that it has dropped; merge it by {}", merge::k_methods_of_kept);
}

void check_term(const recipe::TensorTask& task, const merge::ModelTerm& term, const checkpoint::Header& model,
                const checkpoint::TensorInfo& tensor, Problems& problems) {
  const auto& settings = task.settings;
  const auto& mask = model.delta->mask;
  const auto is = fmt::format("{}: a delta checkpoint of drop rate {}, seed {}, stream {}", model.root.string(), mask.drop_rate, mask.seed,
                              mask.stream);
  if (!merge::needs_only_kept(settings)) {
    problems.usage(fmt::format("{}: {}", is, why_not_enough(settings)));
  } else if (settings.seed != mask.seed || term.stream != mask.stream) {
    problems.usage(
        fmt::format("{}: the recipe's seed {} and stream {} keep other elements; give the same seed, and the model the same stream", is,
                    settings.seed, term.stream));
  } else if (random::drop_threshold(term.rate.drop) < random::drop_threshold(mask.drop_rate)) {
    problems.usage(fmt::format("{}: the recipe's drop rate {} for tensor \"{}\" keeps more; give {} or a higher one", is, term.rate.drop,
                               settings.name, mask.drop_rate));
  } else if (tensor.name != settings.name) {
    problems.input(fmt::format("{}: its tensor \"{}\" is taken for the base's \"{}\", whose mask is another; make it from this base",
                               model.root.string(), tensor.name, settings.name));
  }
}

}  // namespace

void check_delta_models(const Work& work, const recipe::MergeJob& job) {
  Problems problems;
  std::set<std::int32_t> told;  // one problem a model
  for (const auto& task : job.tasks) {
    if (task.action != recipe::TensorTask::Action::merge) continue;
    for (std::size_t k = 0; k < task.inputs.size(); ++k) {
      const auto number = task.inputs[k].model;
      if (number < 0 || told.contains(number)) continue;
      const auto& model = work.input(work.input_of(number));
      if (!model.delta) continue;
      const auto before = problems.texts().size();
      check_term(task, task.settings.models[k], model, model.tensors[task.inputs[k].tensor], problems);
      if (problems.texts().size() != before) told.insert(number);
    }
  }
  problems.throw_if_any();
}

}  // namespace dare::pipeline
