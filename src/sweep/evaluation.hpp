#pragma once
/// Scores of finished checkpoints, by a command of the user's own.

#include "sweep/record.hpp"
#include "sweep/specification.hpp"

#include <functional>
#include <string>

namespace dare::sweep {

/// Scores that a command's output ends with: a JSON object of numbers, {"accuracy": 0.91}, in one line or several; objects within it give
/// names with dots. Pure. @throws InputError  there is none, or a value is no number that can be compared, such as NaN.
[[nodiscard]] nlohmann::ordered_json scores_in(const std::string& output);

/// What a record remembers of the command that scored it; empty for an empty command. Pure.
[[nodiscard]] std::string evaluation_hash(const std::string& command);

/// Whether a record has what the settings' evaluation would give it: all there is to have where they name none. Pure.
[[nodiscard]] bool has_scores(const Record& record, const Settings& settings);

/// "has no score "x", which decides, only a, b". Pure.
[[nodiscard]] std::string lacks_score(const nlohmann::ordered_json& scores, const std::string& score);

/// "accuracy 0.5": the score that decides; where none is named the first few, "accuracy 0.5, f1 0.25". Printable. Pure.
[[nodiscard]] std::string scores_text(const nlohmann::ordered_json& scores, const std::string& score);

/// Runs the settings' command on a record's checkpoint and puts the scores into the record, or the reason why it is not scored: also
/// where the score that decides is not among them. Local.
/// @param stop  says that a signal has come; then @throws Interrupted, and the record is as before.
void evaluate(const Settings& settings, const Places& places, const std::function<bool()>& stop, Record& record);

/// The command with {checkpoint} and {point} replaced, quoted for the shell where that is needed. Pure.
[[nodiscard]] std::string command_for(const std::string& command, const std::string& checkpoint, const std::string& point);

}  // namespace dare::sweep
