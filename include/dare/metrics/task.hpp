#pragma once
/// The table of tasks: what is compared, which measures it gives, how its files name things.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dare::metrics {

enum class TaskKind {
  labels,       ///< classes: accuracy, F1, Matthews
  numbers,      ///< Pearson, Spearman
  answers,      ///< exact match of extracted answers
  results,      ///< pass@k of samples with results
  preferences,  ///< win rate
  programs,     ///< samples that are run, then pass@k
};

enum class Measure { accuracy, matched_accuracy, mismatched_accuracy, f1, macro_f1, matthews, pearson, spearman, exact_match };
[[nodiscard]] std::string_view name(Measure measure) noexcept;

enum class AnswerForm { gsm8k, math, plain };

struct Task {
  std::string name;  ///< as on the command line
  TaskKind kind;
  std::vector<Measure> measures;              ///< of labels, numbers and answers; what the others give follows from their kind
  std::vector<std::string> labels;            ///< names of the classes 0, 1, ... in the order of Hugging Face's "glue"; empty: any text
  std::vector<std::string> reference_fields;  ///< where the right value may stand, the likeliest first
  std::vector<std::string> headerless;        ///< columns of a .tsv without a header
  AnswerForm form = AnswerForm::plain;
};

[[nodiscard]] std::span<const Task> tasks();
/// @throws UsageError  no such task; lists those there are.
[[nodiscard]] const Task& task_named(std::string_view name);

/// Fields in which a prediction may stand, the likeliest first.
[[nodiscard]] const std::vector<std::string>& prediction_fields();

}  // namespace dare::metrics
