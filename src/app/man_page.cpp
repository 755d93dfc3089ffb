#include "app/manual.hpp"
#include "app/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace dare::app {
namespace {

// Text in which roff sees no request and no escape; dashes stay dashes that can be copied.
std::string roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else if (c == '`') {
      out += "\\(ga";
    } else if (c == '^') {
      out += "\\(ha";
    } else if (c == '~') {
      out += "\\(ti";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string roff_heading(const std::string& title) {
  return ".SH \"" + roff(upper(title)) + "\"\n";
}

std::string roff_paragraphs(const std::string& text) {
  std::string out;
  bool first = true;
  for (const auto& paragraph : paragraphs_of(text)) {
    if (paragraph.verbatim) {
      out += std::string{first ? "" : ".PP\n"} + ".EX\n" + roff(paragraph.text) + ".EE\n";
    } else {
      out += std::string{first ? "" : ".PP\n"} + roff(paragraph.text.substr(0, paragraph.text.size() - 1)) + '\n';
    }
    first = false;
  }
  return out;
}

std::string roff_term(const std::string& bold, const std::string& text) {
  return ".TP\n\\fB" + bold + "\\fR\n" + roff(text) + '\n';
}

std::string synopsis_line(const Program& program, const std::string& usage) {
  return ".B " + roff(program.name) + '\n' + roff(usage) + '\n';
}

std::string roff_option(const OptionFacts& option) {
  std::string head = option.letter != 0 ? fmt::format("\\fB\\-{}\\fR, \\fB\\-\\-{}\\fR", option.letter, roff(option.name))
                                        : fmt::format("\\fB\\-\\-{}\\fR", roff(option.name));
  if (option.takes_value) head += " \\fI" + roff(option.value_name) + "\\fR";
  const auto text = option.default_text.empty() ? option.description : fmt::format("{} ({})", option.description, option.default_text);
  return ".TP\n" + head + '\n' + roff(text) + '\n';
}

}  // namespace

std::string man_page(const Program& program) {
  std::string page =
      fmt::format(".TH {} 1 \"\" \"dare\\-mpi {}\" \"User Commands\"\n.nr HY 0\n.ad l\n", roff(upper(program.name)), DARE_VERSION);
  page += roff_heading("Name") + roff(program.name) + " \\- " + roff(program.summary) + '\n';
  page += roff_heading("Synopsis");
  for (std::size_t i = 0; i < program.usage.size(); ++i) page += (i == 0 ? "" : ".br\n") + synopsis_line(program, program.usage[i]);
  if (!program.description.empty()) page += roff_heading("Description") + roff_paragraphs(program.description);
  page += roff_heading("Options");
  for (const auto& group : option_groups_of(program)) {
    page += ".SS \"" + roff(group.title) + "\"\n";
    for (const auto& option : group.options) page += roff_option(option);
  }
  for (const auto& part : program.sections) {
    page += roff_heading(part.title) + roff_paragraphs(part.text);
    for (const auto& [name, text] : part.items) page += roff_term(roff(name), text);
  }
  if (!program.files.empty()) page += roff_heading("Files");
  for (const auto& file : program.files) page += roff_term(roff(file.name), file.what);
  if (!program.exits.empty()) page += roff_heading("Exit status");
  for (const auto& exit : program.exits) page += roff_term(std::to_string(static_cast<int>(exit.code)), exit.meaning);
  if (!program.examples.empty()) page += roff_heading("Examples");
  for (const auto& example : program.examples) {
    page += ".PP\n" + roff(example.purpose) + ":\n.PP\n.RS 4\n.EX\n" + roff(example.command) + "\n.EE\n.RE\n";
  }
  if (!program.see_also.empty()) page += roff_heading("See also");
  for (std::size_t i = 0; i < program.see_also.size(); ++i) {
    page += ".BR " + roff(program.see_also[i]) + " (1)" + (i + 1 < program.see_also.size() ? ",\n" : "\n");
  }
  return page;
}

}  // namespace dare::app
