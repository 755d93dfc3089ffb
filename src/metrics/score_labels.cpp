#include "metrics/score_kinds.hpp"

#include "metrics/measured.hpp"
#include "metrics/numbers.hpp"

#include <dare/metrics/classification.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <dare/core/error.hpp>

#include <algorithm>

namespace dare::metrics {
namespace {

// Classes of labels: those of the task, or every text met.
class Classes {
 public:
  explicit Classes(const Task& task) : names_{task.labels}, open_{task.labels.empty()} {}

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] const std::string& name(std::size_t c) const { return names_[c]; }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? std::nullopt : std::optional{static_cast<std::uint32_t>(found - names_.begin())};
  }

  std::uint32_t of(const Records& records, const Record& record, const std::string& field) {
    const auto text = plain_label(value_of(records, record, field).text);
    if (const auto known = find(text)) return *known;
    if (open_) {
      names_.push_back(text);
      return static_cast<std::uint32_t>(names_.size() - 1);
    }
    for (std::uint32_t c = 0; c < names_.size(); ++c) {
      if (text == std::to_string(c)) return c;
    }
    throw InputError{fmt::format("{}: {} \"{}\" is no label of this task; expected {}", records.where(record), field, text, expected())};
  }

  // "1.0" and " 1" are the label 1: tables often hold classes as numbers.
  static std::string plain_label(std::string_view text) {
    const auto first = std::min(text.find_first_not_of(' '), text.size());
    text = text.substr(first, text.find_last_not_of(' ') + 1 - first);
    return canonical_decimal(text).value_or(std::string{text});
  }

 private:
  [[nodiscard]] std::string expected() const {
    if (names_.front() == "0") return fmt::format("{}", fmt::join(names_, " or "));
    return fmt::format("{}, or their numbers 0 to {}", fmt::join(names_, ", "), names_.size() - 1);
  }

  std::vector<std::string> names_;
  bool open_;
};

void note_conventions(Score& score, const ClassCounts& counts, Measure measure, std::size_t positive, const Classes& classes) {
  if (measure == Measure::f1 && counts.predicted[positive] + counts.actual[positive] == 0) {
    score.notes.push_back(fmt::format("f1: no label and no prediction is \"{}\"; 0 by convention", classes.name(positive)));
  }
  if (measure != Measure::matthews) return;
  const auto only = [&](const std::vector<std::uint64_t>& of) { return std::find(of.begin(), of.end(), counts.examples) != of.end(); };
  if (only(counts.actual) || only(counts.predicted)) {
    score.notes.push_back(
        fmt::format("matthews: all {} are one class; 0 by convention", only(counts.predicted) ? "predictions" : "reference labels"));
  }
}

double measure_of(Measure measure, const ClassCounts& counts, std::size_t positive) {
  if (measure == Measure::f1) return f1(counts, positive);
  if (measure == Measure::macro_f1) return macro_f1(counts);
  if (measure == Measure::matthews) return matthews(counts);
  return accuracy(counts);
}

std::size_t positive_class(const Task& task, const Classes& classes, const std::string& wanted) {
  if (wanted.empty()) return task.labels.empty() ? 0 : 1;  // of GLUE's 0 and 1, the 1
  if (const auto found = classes.find(Classes::plain_label(wanted))) return *found;
  throw UsageError{fmt::format("--positive {}: no prediction and no reference has this label", wanted)};
}

}  // namespace

void score_labels(const Task& task, const Matched& matched, const ScoreOptions& options, Score& score) {
  Classes classes{task};
  std::vector<std::uint32_t> predicted;
  std::vector<std::uint32_t> actual;
  std::uint64_t unlabelled = 0;
  for (const auto& pair : matched.pairs) {
    // MNLI's annotators did not agree there; GLUE leaves the example out.
    if (!task.labels.empty() && value_of(matched.references, *pair.reference, matched.reference_field).text == "-") {
      ++unlabelled;
      continue;
    }
    actual.push_back(classes.of(matched.references, *pair.reference, matched.reference_field));
    predicted.push_back(classes.of(matched.predictions, *pair.prediction, matched.prediction_field));
  }
  if (actual.empty()) throw InputError{fmt::format("{}: no example has a label; every one is \"-\"", matched.references.path.string())};
  score.examples = actual.size();
  if (unlabelled > 0) score.counts.emplace_back("left out (label -)", unlabelled);
  auto measures = task.measures;
  if (!options.positive.empty() && std::find(measures.begin(), measures.end(), Measure::f1) == measures.end())
    measures.push_back(Measure::f1);
  const auto positive = positive_class(task, classes, options.positive);
  const auto counts = count(predicted, actual, classes.size());
  for (const auto measure : measures) {
    note_conventions(score, counts, measure, positive, classes);
    add_measured(
        score, std::string{name(measure)},
        [&](std::span<const std::uint32_t> sample) {
          return measure_of(measure, count(predicted, actual, classes.size(), sample), positive);
        },
        options.bootstrap);
  }
}

}  // namespace dare::metrics
