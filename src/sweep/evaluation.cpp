#include "sweep/evaluation.hpp"

#include "sweep/command.hpp"

#include "metrics/last_line.hpp"

#include <dare/core/error.hpp>
#include <dare/core/hash.hpp>

#include <fmt/format.h>

#include <span>
#include <string_view>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t k_shown = 200;

void flatten(const Json& from, const std::string& prefix, Json& into) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object()) {
      flatten(value, prefix + key + ".", into);
    } else if (value.is_number()) {
      into[prefix + key] = value;
    } else {
      throw InputError{fmt::format("score \"{}\" is {}, expected a number", prefix + key, value.dump().substr(0, k_shown))};
    }
  }
}

std::string failure_of(const CommandResult& result, const Settings& settings, const std::filesystem::path& log) {
  using End = CommandResult::End;
  switch (result.end) {
    case End::timed_out:
      return fmt::format("evaluate ran longer than evaluate_timeout, {} s, and was killed; its messages are in {}",
                         settings.evaluate_timeout_s, log.string());
    case End::killed:
      return fmt::format("evaluate was killed by signal {}; its messages are in {}", result.code, log.string());
    default:
      return result.code == 0 ? "" : fmt::format("evaluate ended with exit code {}; its messages are in {}", result.code, log.string());
  }
}

}  // namespace

std::string command_for(const std::string& command, const std::string& checkpoint, const std::string& point) {
  std::string result;
  for (std::size_t i = 0; i < command.size();) {
    const auto rest = std::string_view{command}.substr(i);
    const auto take = [&](std::string_view word, const std::string& value) {
      if (!rest.starts_with(word)) return false;
      result += shell_quoted(value);
      i += word.size();
      return true;
    };
    if (take("{checkpoint}", checkpoint) || take("{point}", point)) continue;
    result += command[i++];
  }
  return result;
}

Json scores_in(const std::string& output) {
  const auto line = metrics::last_line(output);
  const auto expected = [&] {
    return InputError{fmt::format("evaluate's last line is no JSON object of scores such as {{\"accuracy\": 0.91}}: {}",
                                  line.empty() ? "it printed nothing" : metrics::printable(line, k_shown))};
  };
  const auto json = Json::parse(line, nullptr, false);
  if (!json.is_object()) throw expected();
  auto scores = Json::object();
  flatten(json, "", scores);
  if (scores.empty()) throw expected();
  return scores;
}

std::string evaluation_hash(const std::string& command) {
  return command.empty() ? "" : hash_hex(command);
}

std::string lacks_score(const Json& scores, const std::string& score) {
  std::string there;
  for (const auto& [key, unused] : scores.items()) there += (there.empty() ? "" : ", ") + key;
  return fmt::format("has no score \"{}\", which score: names, only {}", score, there);
}

void evaluate(const Settings& settings, const Places& places, const std::function<bool()>& stop, Record& record) {
  const auto log = places.log(record.point);
  const auto checkpoint = (places.folder / record.output).string();
  const auto command = command_for(settings.evaluate, checkpoint, record.point);
  const Variables variables{{"CHECKPOINT", checkpoint}, {"POINT", record.point}};
  try {
    const auto result = run_command(command, std::chrono::duration<double>{settings.evaluate_timeout_s}, log, stop, variables);
    if (result.end == CommandResult::End::stopped) throw Interrupted{fmt::format("stopped while point {} was evaluated", record.point)};
    record.status = Status::unscored;
    record.scores = Json::object();
    record.evaluated = evaluation_hash(settings.evaluate);
    record.error = failure_of(result, settings, log);
    if (!record.error.empty()) return;
    record.scores = scores_in(result.standard_output);
    if (settings.score.empty() || record.scores.contains(settings.score)) record.status = Status::done;
    else record.error = lacks_score(record.scores, settings.score) + "; mend score: or what evaluate prints";
  } catch (const Interrupted&) { throw; } catch (const Error& error) {
    record.status = Status::unscored;
    record.error = error.what();
  }
}

}  // namespace dare::sweep
