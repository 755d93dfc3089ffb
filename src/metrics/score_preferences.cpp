#include "metrics/measured.hpp"
#include "metrics/score_kinds.hpp"

#include <dare/metrics/win_rate.hpp>

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <cmath>

namespace dare::metrics {
namespace {

double preference_of(const Records& annotations, const Record& record) {
  const auto number = number_of(annotations, record, "preference");
  if (number != 0 && !(number >= 1 && number <= 2)) {
    throw InputError{fmt::format("{}: preference {}, expected 1 (the baseline won) to 2 (the model won), or 0 or 1.5 for a tie",
                                 annotations.where(record), number)};
  }
  return number;
}

}  // namespace

Score score_preferences(const Records& annotations, const ScoreOptions& options) {
  std::vector<double> preferences;
  for (const auto& record : annotations.records) {
    const auto* value = record.find("preference");
    // A CSV of annotations has an empty cell where JSON has null.
    const auto absent = value != nullptr && (value->kind == Value::Kind::null || (value->kind == Value::Kind::text && value->text.empty()));
    if (!absent) preferences.push_back(preference_of(annotations, record));
  }
  if (preferences.empty()) throw InputError{fmt::format("{}: no preferences; expected at least one", annotations.path.string())};
  const auto rates = win_rate(preferences);
  Score score{.task = "alpaca-eval", .examples = preferences.size()};
  score.counts = {{"wins", rates.wins},
                  {"losses", rates.losses},
                  {"ties", rates.ties},
                  {"left out (null)", annotations.records.size() - preferences.size()}};
  const auto measured = [&](double WinRate::*rate) {
    return [&preferences, rate](std::span<const std::uint32_t> sample) {
      std::vector<double> drawn;
      for (const auto i : sample) drawn.push_back(preferences[i]);
      return win_rate(drawn).*rate;
    };
  };
  add_measured(score, "win_rate", measured(&WinRate::rate), options.bootstrap);
  if (!std::isnan(rates.standard_error)) score.measures.back().standard_error = rates.standard_error;
  add_measured(score, "discrete_win_rate", measured(&WinRate::discrete_rate), options.bootstrap);
  return score;
}

}  // namespace dare::metrics
