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
  // The class of a label as a user writes it: its name, or its number where the task has names of its own.
  [[nodiscard]] std::optional<std::uint32_t> known(std::string_view label) const {
    const auto text = plain_label(label);
    if (const auto named = find(text)) return named;
    for (std::uint32_t c = 0; !open_ && c < names_.size(); ++c) {
      if (text == std::to_string(c)) return c;
    }
    return std::nullopt;
  }

  std::uint32_t of(const Records& records, const Record& record, const std::string& field) {
    const auto& label = value_of(records, record, field).text;
    if (const auto c = known(label)) return *c;
    const auto text = plain_label(label);
    if (open_) {
      names_.push_back(text);
      return static_cast<std::uint32_t>(names_.size() - 1);
    }
    throw InputError{fmt::format("{}: {} \"{}\" is no label of this task; expected {}", records.where(record), field, text, expected())};
  }

 private:
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? std::nullopt : std::optional{static_cast<std::uint32_t>(found - names_.begin())};
  }

  // "1.0" and " 1" are the label 1: tables often hold classes as numbers. Where any text may be a label, "007" and "1,000" are themselves.
  [[nodiscard]] std::string plain_label(std::string_view text) const {
    const auto first = std::min(text.find_first_not_of(' '), text.size());
    text = text.substr(first, text.find_last_not_of(' ') + 1 - first);
    const auto number = !open_ || (text.find('.') != std::string_view::npos && text.find(',') == std::string_view::npos);
    return (number ? canonical_decimal(text) : std::nullopt).value_or(std::string{text});
  }

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
  if (const auto found = classes.known(wanted)) return *found;
  throw UsageError{fmt::format("--positive {}: {}", wanted,
                               task.labels.empty() ? "no prediction and no reference has this label" : "no label of this task")};
}

// True in one file and true in the other are two classes; an accuracy of 0 should not be all that shows it.
void note_strangers(Score& score, const ClassCounts& counts, const Classes& classes) {
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (counts.predicted[c] > 0 && counts.actual[c] > 0) return;
  }
  const auto first = [&](const std::vector<std::uint64_t>& of) {
    return classes.name(static_cast<std::size_t>(std::find_if(of.begin(), of.end(), [](auto n) { return n > 0; }) - of.begin()));
  };
  score.notes.push_back(fmt::format("no prediction is a label of the references, e.g. \"{}\" and \"{}\"; are they written the same way?",
                                    first(counts.predicted), first(counts.actual)));
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
  if (task.labels.empty()) note_strangers(score, counts, classes);
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
