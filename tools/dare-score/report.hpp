#pragma once
/// A score for people and for programs.

#include <dare/metrics/score.hpp>

#include <string>

namespace dare::score {

/// Lines "name value [low, high]"; values with six significant digits.
[[nodiscard]] std::string as_text(const metrics::Score& score, const metrics::BootstrapOptions& bootstrap);
/// One JSON object; values in full; null where a measure has no value.
[[nodiscard]] std::string as_json(const metrics::Score& score, const metrics::BootstrapOptions& bootstrap);
/// One line, a flat JSON object of numbers; measures without a value are left out. @throws InputError  none has one.
[[nodiscard]] std::string as_scores(const metrics::Score& score);

}  // namespace dare::score
