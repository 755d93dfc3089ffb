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
      {"cola", "GLUE CoLA", labels, {matthews, accuracy}, k_binary, k_label, {"source", "label", "mark", "sentence"}},
      {"sst2", "GLUE SST-2", labels, {accuracy}, k_binary, k_label, {}},
      {"mrpc", "GLUE MRPC", labels, {accuracy, f1}, k_binary, {"Quality", "label", "value"}, {}},
      {"qqp", "GLUE QQP", labels, {accuracy, f1}, k_binary, {"is_duplicate", "label", "value"}, {}},
      {"stsb", "GLUE STS-B", numbers, {pearson, spearman}, {}, {"score", "label", "value"}, {}},
      {"mnli", "GLUE MNLI, matched", labels, {matched_accuracy}, k_three_way, {"gold_label", "label", "value"}, {}},
      {"mnli-mm", "GLUE MNLI, mismatched", labels, {mismatched_accuracy}, k_three_way, {"gold_label", "label", "value"}, {}},
      {"qnli", "GLUE QNLI", labels, {accuracy}, k_entailment, k_label, {}},
      {"rte", "GLUE RTE", labels, {accuracy}, k_entailment, k_label, {}},
      {"wnli", "GLUE WNLI", labels, {accuracy}, k_binary, k_label, {}},
      {"classification", "any classes", labels, {accuracy, macro_f1, matthews}, {}, k_any, {}},
      {"correlation", "any numbers", numbers, {pearson, spearman}, {}, k_any, {}},
      {"gsm8k", "GSM8K", answers, {exact_match}, {}, {"answer", "reference", "target", "value"}, {}, AnswerForm::gsm8k},
      {"math", "MATH", answers, {exact_match}, {}, {"answer", "solution", "reference", "target", "value"}, {}, AnswerForm::math},
      {"exact-match", "any texts", answers, {exact_match}, {}, k_any, {}, AnswerForm::plain},
      {"pass-at-k", "results of samples", results, {pass_at_k}, {}, {}, {}},
      {"alpaca-eval", "AlpacaEval annotations", preferences, {win_rate}, {}, {}, {}},
      {"humaneval", "HumanEval", programs, {pass_at_k}, {}, {}, {}},
      {"mbpp", "MBPP", programs, {pass_at_k}, {}, {}, {}},
  };
}

}  // namespace

std::string_view name(Measure measure) noexcept {
  constexpr std::array<std::string_view, 11> names = {
      "accuracy", "matched_accuracy", "mismatched_accuracy", "f1",     "macro_f1", "matthews",
      "pearson",  "spearman",         "exact_match",         "pass@k", "win_rate"};
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
