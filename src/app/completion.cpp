#include "app/manual.hpp"
#include "app/options.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare::app {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// The cases of `case $option in`: what can follow an option that takes a value.
std::string value_cases(const std::vector<OptionGroup>& groups) {
  std::string cases;
  std::vector<std::string> paths;
  std::vector<std::string> others;
  for (const auto& group : groups) {
    for (const auto& option : group.options) {
      if (!option.takes_value) continue;
      if (!option.words.empty()) {
        cases += fmt::format("        --{}) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\"); return ;;\n", option.name,
                             joined(option.words, " "));
      } else {
        (option.path ? paths : others).push_back("--" + option.name);
      }
    }
  }
  if (!paths.empty()) cases += fmt::format("        {}) compopt -o default; return ;;\n", joined(paths, " | "));
  if (!others.empty()) cases += fmt::format("        {}) return ;;\n", joined(others, " | "));
  return cases;
}

}  // namespace

std::string bash_completion(const Program& program) {
  const auto groups = option_groups_of(program);
  std::vector<std::string> names;
  for (const auto& group : groups) {
    for (const auto& option : group.options) names.push_back("--" + option.name);
  }
  auto function = "_" + program.name;
  std::replace(function.begin(), function.end(), '-', '_');
  std::string text = fmt::format("# bash completion of {}\n{}() {{\n", program.name, function);
  text +=
      "    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "    # --option=value arrives as three words.\n"
      "    if [[ $option == = ]]; then option=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
      "    if [[ $word == = ]]; then word=; fi\n"
      "    COMPREPLY=()\n"
      "    case $option in\n" +
      value_cases(groups) + "    esac\n";
  text += fmt::format("    if [[ $word == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\"); return; fi\n",
                      joined(names, " "));
  if (!program.first_words.empty()) {
    text += fmt::format("    if (( COMP_CWORD == 1 )); then mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\"); return; fi\n",
                        joined(program.first_words, " "));
  }
  return text + fmt::format("    compopt -o default\n}}\ncomplete -F {} {}\n", function, program.name);
}

}  // namespace dare::app
