#include <dare/metrics/task.hpp>

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace dare::metrics {
namespace {

using enum Measure;

const std::vector<std::string> k_binary = {"0", "1"};
const std::vector<std::string> k_entailment = {"entailment", "not_entailment"};
const std::vector<std::string> k_three_way = {"entailment", "neutral", "contradiction"};
const std::vector<std::string> k_label = {"label", "value"};
const std::vector<std::string> k_any = {"reference", "label", "target", "gold", "answer", "value"};

std::vector<Task> make_tasks() {
  using enum TaskKind;
  return {
      {"cola", labels, {matthews, accuracy}, k_binary, k_label, {"source", "label", "mark", "sentence"}},
      {"sst2", labels, {accuracy}, k_binary, k_label, {}},
      {"mrpc", labels, {accuracy, f1}, k_binary, {"Quality", "label", "value"}, {}},
      {"qqp", labels, {accuracy, f1}, k_binary, {"is_duplicate", "label", "value"}, {}},
      {"stsb", numbers, {pearson, spearman}, {}, {"score", "label", "value"}, {}},
      {"mnli", labels, {matched_accuracy}, k_three_way, {"gold_label", "label", "value"}, {}},
      {"mnli-mm", labels, {mismatched_accuracy}, k_three_way, {"gold_label", "label", "value"}, {}},
      {"qnli", labels, {accuracy}, k_entailment, k_label, {}},
      {"rte", labels, {accuracy}, k_entailment, k_label, {}},
      {"wnli", labels, {accuracy}, k_binary, k_label, {}},
      {"classification", labels, {accuracy, macro_f1, matthews}, {}, k_any, {}},
      {"correlation", numbers, {pearson, spearman}, {}, k_any, {}},
      {"gsm8k", answers, {exact_match}, {}, {"answer", "reference", "target", "value"}, {}, AnswerForm::gsm8k},
      {"math", answers, {exact_match}, {}, {"answer", "solution", "reference", "target", "value"}, {}, AnswerForm::math},
      {"exact-match", answers, {exact_match}, {}, k_any, {}, AnswerForm::plain},
      {"pass-at-k", results, {}, {}, {}, {}},
      {"alpaca-eval", preferences, {}, {}, {}, {}},
      {"humaneval", programs, {}, {}, {}, {}},
      {"mbpp", programs, {}, {}, {}, {}},
  };
}

}  // namespace

std::string_view name(Measure measure) noexcept {
  constexpr std::array<std::string_view, 9> names = {"accuracy", "matched_accuracy", "mismatched_accuracy", "f1", "macro_f1", "matthews",
                                                     "pearson",  "spearman",         "exact_match"};
  return names[static_cast<std::size_t>(measure)];
}

std::span<const Task> tasks() {
  static const auto all = make_tasks();
  return all;
}

const Task& task_named(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& task : tasks()) {
    if (task.name == name) return task;
    names.push_back(task.name);
  }
  throw UsageError{fmt::format("no task \"{}\"; give one of {}", name, fmt::join(names, ", "))};
}

const std::vector<std::string>& prediction_fields() {
  static const std::vector<std::string> fields = {"prediction", "pred",  "output", "completion", "generation",
                                                  "response",   "label", "answer", "value"};
  return fields;
}

}  // namespace dare::metrics
