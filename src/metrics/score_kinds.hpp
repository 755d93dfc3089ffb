#pragma once
/// The three kinds of score_pairs(), one file each.

#include <dare/metrics/align.hpp>
#include <dare/metrics/score.hpp>

#include <string>
#include <vector>

namespace dare::metrics {

struct Matched {
  const Records& predictions;
  const Records& references;
  std::string prediction_field;
  std::string reference_field;
  std::vector<Pair> pairs;
};

void score_labels(const Task& task, const Matched& matched, const ScoreOptions& options, Score& score);
void score_numbers(const Task& task, const Matched& matched, const ScoreOptions& options, Score& score);
void score_answers(const Task& task, const Matched& matched, const ScoreOptions& options, Score& score);

/// The number in a field. @throws InputError  not a finite number.
[[nodiscard]] double number_of(const Records& records, const Record& record, const std::string& field);

}  // namespace dare::metrics
