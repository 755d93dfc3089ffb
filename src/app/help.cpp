#include "app/manual.hpp"
#include "app/options.hpp"

#include "core/filled.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace dare::app {
namespace {

constexpr std::size_t k_description_column = 24;

std::string text_of(const std::string& text, std::size_t indent) {
  std::string out;
  bool first = true;
  bool after_verbatim = false;
  for (const auto& paragraph : paragraphs_of(text)) {
    if (!first && !paragraph.verbatim && !after_verbatim) out += '\n';
    out += paragraph.verbatim ? paragraph.text : filled(paragraph.text, indent);
    after_verbatim = paragraph.verbatim;
    first = false;
  }
  return out;
}

std::string option_text(const OptionFacts& option) {
  std::string head = option.letter != 0 ? fmt::format("  -{}, --{}", option.letter, option.name) : fmt::format("  --{}", option.name);
  if (option.takes_value) head += ' ' + option.value_name;
  const auto description =
      option.default_text.empty() ? option.description : fmt::format("{} ({})", option.description, option.default_text);
  if (head.size() + 2 > k_description_column) return head + '\n' + filled(description, k_description_column);
  return head + filled(description, k_description_column, head.size());
}

using Items = std::vector<std::pair<std::string, std::string>>;

std::string items_text(const Items& items) {
  std::size_t longest = 0;
  for (const auto& [term, text] : items) {
    if (term.size() + 4 <= k_description_column) longest = std::max(longest, term.size());
  }
  const auto column = longest + 4;
  std::string out;
  for (const auto& [term, text] : items) {
    const auto head = "  " + term;
    out += head.size() + 2 > column ? head + '\n' + filled(text, column) : head + filled(text, column, head.size());
  }
  return out;
}

std::string section_text(const Section& section) {
  return '\n' + section.title + ":\n" + text_of(section.text, 2) + (section.text.empty() || section.items.empty() ? "" : "\n") +
         items_text(section.items);
}

}  // namespace

std::vector<Paragraph> paragraphs_of(const std::string& text) {
  std::vector<Paragraph> paragraphs;
  std::istringstream lines{text};
  bool apart = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      apart = true;
      continue;
    }
    const bool verbatim = line.starts_with("  ");
    if (apart && verbatim && !paragraphs.empty() && paragraphs.back().verbatim) paragraphs.back().text += '\n';
    const bool begins = paragraphs.empty() || paragraphs.back().verbatim != verbatim || (apart && !verbatim);
    if (begins) paragraphs.push_back({verbatim, ""});
    paragraphs.back().text += line + (verbatim ? "\n" : " ");
    apart = false;
  }
  return paragraphs;
}

std::string help_text(const Program& program) {
  std::string text = filled(program.name + ": " + program.summary, 0) + '\n';
  for (std::size_t i = 0; i < program.usage.size(); ++i) {
    const auto head = (i == 0 ? "usage: " : "       ") + program.name;
    text += head + filled(program.usage[i], head.size() + 1, head.size());
  }
  if (!program.description.empty()) text += '\n' + text_of(program.description, 0);
  for (const auto& group : option_groups_of(program)) {
    text += '\n' + filled(group.title + ':', 0);
    for (const auto& option : group.options) text += option_text(option);
  }
  for (const auto& section : program.sections) text += section_text(section);
  Items files;
  for (const auto& file : program.files) files.emplace_back(file.name, file.what);
  if (!files.empty()) text += section_text({"Files", "", files});
  if (!program.examples.empty()) text += "\nExamples:\n";
  for (const auto& example : program.examples) text += "  # " + example.purpose + "\n  " + example.command + '\n';
  Items exits;
  for (const auto& exit : program.exits) exits.emplace_back(std::to_string(static_cast<int>(exit.code)), exit.meaning);
  if (!exits.empty()) text += section_text({"Exit codes", "", exits});
  return text;
}

}  // namespace dare::app
