#include "report.hpp"
#include "core/json_text.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace dare::score {
namespace {

using Json = nlohmann::ordered_json;

std::string shown(double value) {
  return std::isnan(value) ? "no value" : fmt::format("{:.6g}", value);
}
Json json_number(double value) {
  return std::isnan(value) ? Json(nullptr) : Json(value);  // in braces the library takes a value for a list of one
}

bool has_intervals(const metrics::Score& score) {
  return std::any_of(score.measures.begin(), score.measures.end(), [](const auto& m) { return m.interval.has_value(); });
}

}  // namespace

std::string as_text(const metrics::Score& score, const metrics::BootstrapOptions& bootstrap) {
  std::vector<std::pair<std::string, std::string>> rows{{"task", score.task}, {"examples", std::to_string(score.examples)}};
  for (const auto& [name, n] : score.counts) rows.emplace_back(name, std::to_string(n));
  for (const auto& measure : score.measures) {
    auto value = shown(measure.value);
    if (measure.interval) value += fmt::format("  [{}, {}]", shown(measure.interval->low), shown(measure.interval->high));
    if (measure.standard_error) value += fmt::format("  standard error {}", shown(*measure.standard_error));
    rows.emplace_back(measure.name, value);
  }
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string text;
  for (const auto& [name, value] : rows) text += fmt::format("{:<{}}  {}\n", name, width, value);
  if (!score.aligned_by.empty()) text += fmt::format("aligned by {}\n", score.aligned_by);
  if (has_intervals(score)) {
    text += fmt::format("[ ]: {:g} % intervals, bootstrap, {} resamples, seed {}\n", 100 * bootstrap.confidence, bootstrap.resamples,
                        bootstrap.seed);
  }
  for (const auto& note : score.notes) text += fmt::format("note: {}\n", note);
  return text;
}

std::string as_json(const metrics::Score& score, const metrics::BootstrapOptions& bootstrap) {
  Json json{{"task", score.task}, {"examples", score.examples}};
  for (const auto& measure : score.measures) {
    auto& entry = json["metrics"][measure.name];
    entry["value"] = json_number(measure.value);
    if (measure.interval) entry["interval"] = Json::array({json_number(measure.interval->low), json_number(measure.interval->high)});
    if (measure.standard_error) entry["standard_error"] = json_number(*measure.standard_error);
  }
  for (const auto& [name, n] : score.counts) json["counts"][name] = n;
  if (!score.aligned_by.empty()) json["aligned_by"] = score.aligned_by;
  if (has_intervals(score)) {
    json["bootstrap"] = {{"resamples", bootstrap.resamples}, {"confidence", bootstrap.confidence}, {"seed", bootstrap.seed}};
  }
  if (!score.notes.empty()) json["notes"] = score.notes;
  return json_lines(json);
}

std::string as_scores(const metrics::Score& score) {
  auto scores = Json::object();
  for (const auto& measure : score.measures) {
    if (!std::isnan(measure.value)) scores[measure.name] = measure.value;
  }
  if (scores.empty()) throw InputError{fmt::format("no measure has a value: {}", fmt::join(score.notes, "; "))};
  return scores.dump() + "\n";
}

}  // namespace dare::score
