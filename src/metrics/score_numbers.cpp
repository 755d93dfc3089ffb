#include "metrics/measured.hpp"
#include "metrics/score_kinds.hpp"

#include <dare/metrics/correlation.hpp>

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace dare::metrics {
namespace {

std::vector<double> at(const std::vector<double>& values, std::span<const std::uint32_t> sample) {
  std::vector<double> out(sample.size());
  std::transform(sample.begin(), sample.end(), out.begin(), [&](std::uint32_t i) { return values[i]; });
  return out;
}

}  // namespace

double number_of(const Records& records, const Record& record, const std::string& field) {
  const auto& text = value_of(records, record, field).text;
  auto digits = std::string_view{text};
  digits = digits.substr(std::min(digits.find_first_not_of(' '), digits.size()));
  digits = digits.substr(0, digits.find_last_not_of(' ') + 1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  // Too small for a double is 0 or near it, as Python reads it; too large is none.
  const auto small = error == std::errc::result_out_of_range && std::abs(number = std::strtod(text.c_str(), nullptr)) < 1;
  if ((error != std::errc{} && !small) || end != digits.data() + digits.size() || !std::isfinite(number)) {
    throw InputError{fmt::format("{}: {} \"{}\" is no finite number", records.where(record), field, text)};
  }
  return number;
}

void score_numbers(const Task& task, const Matched& matched, const ScoreOptions& options, Score& score) {
  std::vector<double> predicted;
  std::vector<double> actual;
  for (const auto& pair : matched.pairs) {
    predicted.push_back(number_of(matched.predictions, *pair.prediction, matched.prediction_field));
    actual.push_back(number_of(matched.references, *pair.reference, matched.reference_field));
  }
  score.examples = actual.size();
  for (const auto measure : task.measures) {
    const auto function = measure == Measure::pearson ? pearson : spearman;
    add_measured(
        score, std::string{name(measure)},
        [&](std::span<const std::uint32_t> sample) { return function(at(predicted, sample), at(actual, sample)); }, options.bootstrap);
  }
  if (actual.size() < 2) {
    score.notes.emplace_back("a correlation of one example has no value");
  } else if (constant(predicted) || constant(actual)) {
    score.notes.push_back(fmt::format("a correlation has no value where all {} are {}", constant(predicted) ? "predictions" : "references",
                                      constant(predicted) ? predicted.front() : actual.front()));
  }
}

}  // namespace dare::metrics
