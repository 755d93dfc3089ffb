#include "sweep/command_check.hpp"

#include "recipe/nearest.hpp"
#include "sweep/command.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_blanks = " \t\n";
constexpr std::string_view k_ends_of_words = " \t\n;|&<>()";
constexpr std::chrono::seconds k_patience{10};
constexpr std::array<std::string_view, 4> k_interpreters{"python", "perl", "Rscript", "julia"};  // that take a script from where they are

// Of each character of a command whether the shell takes it as it is: ' ' where it does not, 'q' within quotes, 'e' after a backslash.
std::string quoting_of(const std::string& command) {
  std::string marks(command.size(), ' ');
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote != 0) marks[i] = 'q';
    if (c == '\\' && quote != '\'') {
      if (++i < command.size()) marks[i] = quote != 0 ? 'q' : 'e';
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
  }
  return marks;
}

bool is_name(std::string_view word) {
  const auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  return !word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) == 0 && std::all_of(word.begin(), word.end(), part);
}

// Words that mean the same to the shell and to us, one after another.
class PlainWords {
 public:
  explicit PlainWords(std::string_view command) : rest_{command} {}

  // Nothing at the end of the first command, or where a word needs the shell to be understood.
  std::optional<std::string> next() {
    const auto begin = rest_.find_first_not_of(first_ ? k_blanks : " \t");
    if (begin == std::string_view::npos) return std::nullopt;
    first_ = false;
    rest_.remove_prefix(begin);
    const auto word = rest_.substr(0, rest_.find_first_of(k_ends_of_words));
    rest_.remove_prefix(word.size());
    if (word.empty() || word.front() == '-' || shell_quoted(std::string{word}) != word) return std::nullopt;
    if (rest_.starts_with('(')) return std::nullopt;  // a function's definition
    return std::string{word};
  }

 private:
  std::string_view rest_;
  bool first_ = true;
};

std::string here() {
  std::error_code ignored;
  return fs::current_path(ignored).string();
}

void refuse_no_program(const std::string& word) {
  std::error_code ignored;
  const auto file = fs::status(word, ignored);
  if (!fs::exists(file)) throw UsageError{fmt::format("evaluate: {} is not there; the command runs in {}", word, here())};
  if (fs::is_directory(file)) throw UsageError{fmt::format("evaluate: {} is a folder, expected a program", word)};
  if (::access(word.c_str(), X_OK) != 0)
    throw UsageError{fmt::format("evaluate: {} is not executable; `chmod +x` it, or begin with what runs it, such as python3", word)};
}

void refuse_unknown_to_the_shell(const std::string& word) {
  const auto answer = run_command("command -v " + word, k_patience, "/dev/null", [] { return false; });
  if (answer.end != CommandResult::End::exited || answer.code == 0) return;
  throw UsageError{fmt::format("evaluate: there is no program {} on the PATH; give its path, or load what it belongs to before", word)};
}

bool takes_a_script(const std::string& program) {
  const auto name = fs::path{program}.filename().string();
  return std::any_of(k_interpreters.begin(), k_interpreters.end(), [&](auto one) { return name.starts_with(one); });
}

}  // namespace

void refuse_quoted_placeholder(const std::string& command, const std::string& folder) {
  if (shell_quoted(folder) == folder) return;
  const auto marks = quoting_of(command);
  for (auto at = command.find("{checkpoint}"); at != std::string::npos; at = command.find("{checkpoint}", at + 1)) {
    if (marks[at] != 'q') continue;
    throw UsageError{
        fmt::format("evaluate: {{checkpoint}} stands within quotes and becomes {}..., which has quotes of its own; write it without "
                    "quotes, or \"$CHECKPOINT\"",
                    shell_quoted(folder))};
  }
}

void refuse_unknown_placeholder(const std::string& command) {
  const auto marks = quoting_of(command);
  const bool has_document = command.find("<<") != std::string::npos;  // where braces are another language's, without quotes
  for (auto begin = command.find('{'); begin != std::string::npos; begin = command.find('{', begin + 1)) {
    const auto end = command.find('}', begin);
    if (end == std::string::npos) return;
    const auto word = command.substr(begin + 1, end - begin - 1);
    if (word == "checkpoint" || word == "point") continue;
    if (recipe::nearest_of(word, {"checkpoint"}))
      throw UsageError{fmt::format("evaluate: {{{}}} is no placeholder; did you mean {{checkpoint}}?", word)};
    const bool is_a_shells = marks[begin] != ' ' || has_document || (begin > 0 && command[begin - 1] == '$') || !is_name(word);
    if (is_a_shells) continue;
    throw UsageError{fmt::format(
        "evaluate: {{{}}} is no placeholder, there are {{checkpoint}} and {{point}}; braces for the command itself stand in quotes", word)};
  }
}

void refuse_missing_program(const std::string& command) {
  PlainWords words{command};
  auto word = words.next();
  while (word && word->find('=') != std::string::npos) {
    if (word->starts_with("PATH=")) return;
    word = words.next();
  }
  if (!word) return;
  if (word->find('/') != std::string::npos) refuse_no_program(*word);
  else refuse_unknown_to_the_shell(*word);
  if (!takes_a_script(*word)) return;
  const auto script = words.next();
  if (script && !fs::exists(*script))
    throw UsageError{fmt::format("evaluate: {} is not there for {}; the command runs in {}", *script, *word, here())};
}

}  // namespace dare::sweep
