#include "sweep/evaluation.hpp"

#include "core/json_text.hpp"
#include "core/printable.hpp"
#include "sweep/command.hpp"

#include "metrics/last_line.hpp"

#include <dare/core/error.hpp>
#include <dare/core/hash.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <string_view>
#include <vector>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t k_shown = 200;
constexpr std::size_t k_scores_shown = 4;
constexpr std::size_t k_output_logged = 65536;
constexpr int k_beginnings = 16;  // of an object that are tried
constexpr std::array<std::string_view, 3> k_named_numbers{"-Infinity", "Infinity", "NaN"};

InputError no_score(const std::string& name, const Json& value) {
  const bool is_named = value.is_string() && std::count(k_named_numbers.begin(), k_named_numbers.end(), value.get<std::string>()) != 0;
  const auto text = is_named ? value.get<std::string>() : json_text(value);
  return InputError{fmt::format("score \"{}\" is {}, expected a number{}", name, printable(text, k_shown),
                                is_named ? " that can be compared; leave it out where it has none" : "")};
}

void flatten(const Json& from, const std::string& prefix, Json& into) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object()) {
      flatten(value, prefix + key + ".", into);
    } else if (value.is_number()) {
      into[prefix + key] = value;
    } else {
      throw no_score(prefix + key, value);
    }
  }
}

// Python writes NaN and Infinity, which JSON does not know: as texts they are told by name.
std::string with_named_numbers(std::string_view text) {
  std::string result;
  bool in_text = false;
  while (!text.empty()) {
    const auto named =
        std::find_if(k_named_numbers.begin(), k_named_numbers.end(), [&](auto name) { return !in_text && text.starts_with(name); });
    if (named != k_named_numbers.end()) {
      result += fmt::format("\"{}\"", *named);
      text.remove_prefix(named->size());
      continue;
    }
    const std::size_t taken = in_text && text.front() == '\\' && text.size() > 1 ? 2 : 1;
    if (text.front() == '"') in_text = !in_text;
    result += text.substr(0, taken);
    text.remove_prefix(taken);
  }
  return result;
}

// The JSON object that a text ends with: from the last line that begins one, which may be the last line or many before it.
Json last_object(std::string_view text) {
  int tried = 0;
  for (auto end = text.size(); end != std::string_view::npos && tried < k_beginnings;) {
    const auto before = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
    const auto from = text.find_first_not_of(" \t", before == std::string_view::npos ? 0 : before + 1);
    if (from != std::string_view::npos && text[from] == '{') {
      ++tried;
      auto json = Json::parse(with_named_numbers(text.substr(from)), nullptr, false);
      if (json.is_object()) return json;
    }
    end = before;
  }
  return {};
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

// Beside what it wrote to its standard error. It can be lost: the scores or what is wrong with them are in the record.
void add_output(const std::filesystem::path& log, std::string_view output) {
  if (output.size() > k_output_logged) output.remove_prefix(output.size() - k_output_logged);
  std::ofstream{log, std::ios::app | std::ios::binary} << output;
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
    return InputError{fmt::format("evaluate's output does not end with a JSON object of scores such as {{\"accuracy\": 0.91}}: {}",
                                  line.empty() ? "it printed nothing" : "its last line is " + printable(line, k_shown))};
  };
  const auto json = line.ends_with('}') ? last_object(output) : Json{};
  if (!json.is_object()) throw expected();
  auto scores = Json::object();
  flatten(json, "", scores);
  if (scores.empty()) throw expected();
  return scores;
}

bool has_scores(const Record& record, const Settings& settings) {
  if (settings.evaluate.empty()) return true;
  return record.evaluated == evaluation_hash(settings.evaluate) && !record.scores.empty() &&
         (settings.score.empty() || record.scores.contains(settings.score));
}

std::string evaluation_hash(const std::string& command) {
  return command.empty() ? "" : hash_hex(command);
}

std::string lacks_score(const Json& scores, const std::string& score) {
  std::string there;
  for (const auto& [key, unused] : scores.items()) there += (there.empty() ? "" : ", ") + key;
  return fmt::format("has no score \"{}\", which score: names, only {}", score, there);
}

std::string scores_text(const Json& scores, const std::string& score) {
  std::vector<std::string> shown;
  for (const auto& [key, value] : scores.items()) {
    if (score.empty() ? shown.size() < k_scores_shown : key == score) shown.push_back(fmt::format("{} {}", key, value.dump()));
  }
  if (score.empty() && scores.size() > shown.size()) shown.emplace_back("...");
  return printable(fmt::format("{}", fmt::join(shown, ", ")), k_shown);
}

void evaluate(const Settings& settings, const Places& places, const std::function<bool()>& stop, Record& record) {
  const auto log = places.log(record.point);
  const auto checkpoint = (places.folder / record.output).string();
  const auto command = command_for(settings.evaluate, checkpoint, record.point);
  const Variables variables{{"CHECKPOINT", checkpoint}, {"POINT", record.point}};
  try {
    const auto result = run_command(command, std::chrono::duration<double>{settings.evaluate_timeout_s}, log, stop, variables);
    add_output(log, result.standard_output);
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
