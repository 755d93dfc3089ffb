#pragma once
/// From records to the measures of a task. Local; no MPI.

#include <dare/metrics/bootstrap.hpp>
#include <dare/metrics/records.hpp>
#include <dare/metrics/task.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dare::metrics {

struct MeasuredValue {
  std::string name;
  double value;  ///< NaN: the measure has no value for these data; a note says why
  std::optional<Interval> interval{};
  std::optional<double> standard_error{};
};

struct Score {
  std::string task;
  std::string aligned_by{};  ///< how predictions met references; empty where there was nothing to align
  std::uint64_t examples = 0;
  std::vector<MeasuredValue> measures{};
  std::vector<std::pair<std::string, std::uint64_t>> counts{};  ///< e.g. wins, ties, unanswered
  std::vector<std::string> notes{};                             ///< what a reader of the numbers must know
};

struct ScoreOptions {
  BootstrapOptions bootstrap{};
  std::string id_field{};          ///< empty: see align()
  std::string prediction_field{};  ///< empty: the first of prediction_fields()
  std::string reference_field{};   ///< empty: the first of the task's
  std::string positive{};          ///< classification: the class whose F1 is wanted besides
  std::vector<std::uint64_t> k = {1};
};

/// Scores predictions of a task of labels, numbers or answers against references.
/// @throws InputError  a value that the task does not know, ids that do not match (with file and line).
/// @throws std::invalid_argument  a task of another kind.
[[nodiscard]] Score score_pairs(const Task& task, const Records& predictions, const Records& references, const ScoreOptions& options);

/// That every task has samples enough for each of `k`. @param samples_of  by task_id.  @param file  for the error text.
/// @throws InputError  one has fewer.
void require_samples(const std::map<std::string, std::uint64_t>& samples_of, const std::vector<std::uint64_t>& k,
                     const std::filesystem::path& file);

/// pass@k of records {"task_id": ..., "passed": true}.
/// @param problems  where not null, their task_id must be exactly those of the results.
/// @throws InputError  a task with fewer than k samples, an id on one side only, a result that is neither true nor false.
[[nodiscard]] Score score_results(const Records& results, const Records* problems, const ScoreOptions& options);

/// Win rate of records with a field "preference"; null is left out and counted.
/// @throws InputError  a preference that is neither 0 nor from 1 to 2.
[[nodiscard]] Score score_preferences(const Records& annotations, const ScoreOptions& options);

}  // namespace dare::metrics
