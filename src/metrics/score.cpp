#include <dare/metrics/score.hpp>

#include "metrics/score_kinds.hpp"

#include <stdexcept>

namespace dare::metrics {

Score score_pairs(const Task& task, const Records& predictions, const Records& references, const ScoreOptions& options) {
  auto alignment = align(predictions, references, options.id_field);
  Score score{.task = task.name, .aligned_by = std::move(alignment.by)};
  const Matched matched{
      predictions, references, choose_field(predictions, options.prediction_field, prediction_fields(), "--prediction-field"),
      choose_field(references, options.reference_field, task.reference_fields, "--reference-field"), std::move(alignment.pairs)};
  switch (task.kind) {
    case TaskKind::labels:
      score_labels(task, matched, options, score);
      break;
    case TaskKind::numbers:
      score_numbers(task, matched, options, score);
      break;
    case TaskKind::answers:
      score_answers(task, matched, options, score);
      break;
    default:
      throw std::invalid_argument{"score_pairs: " + task.name + " compares no pairs"};
  }
  return score;
}

}  // namespace dare::metrics
