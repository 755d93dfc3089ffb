#include <dare/metrics/answers.hpp>

#include "metrics/numbers.hpp"

#include <algorithm>
#include <array>

namespace dare::metrics {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

void remove_layout(std::string& text) {
  replace_all(text, "\n", "");
  for (const auto* spacing : {"\\!", "\\,", "\\;", "\\:", "~"}) replace_all(text, spacing, "");
  replace_all(text, "\\\\", "\\");
  replace_all(text, "tfrac", "frac");
  replace_all(text, "dfrac", "frac");
  for (const auto* size : {"\\left", "\\right", "\\displaystyle"}) replace_all(text, size, "");
}

void remove_degrees_and_money(std::string& text) {
  for (const auto* sign : {"^{\\circ}", "^\\circ", "\\degree", "\\$", "$"}) replace_all(text, sign, "");
}

// The text in \text{...} that names a unit: it follows a number or a group and is no connective.
bool is_unit(std::string_view before, std::string_view inside) {
  while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
  const auto follows_value =
      !before.empty() && (is_digit(before.back()) || before.back() == '}' || before.back() == ')' || before.back() == '.');
  const auto first = std::min(inside.find_first_not_of(' '), inside.size());
  const auto word = inside.substr(first, inside.find_first_of(" ,", first) - first);  // the whole word: oranges are a unit
  return (follows_value || inside.starts_with(' ')) && word != "or" && word != "and" && !before.empty();
}

// Removes units; other words lose their \text{}.
void resolve_text(std::string& text) {
  for (const auto* command : {"\\text{", "\\textbf{", "\\mbox{", "\\mathrm{", "\\textrm{"}) {
    const std::string_view opening = command;
    for (auto at = text.find(opening); at != std::string::npos; at = text.find(opening, at)) {
      const auto close = text.find('}', at);
      if (close == std::string::npos) return;
      const auto inside = text.substr(at + opening.size(), close - at - opening.size());
      if (is_unit(std::string_view{text}.substr(0, at), inside)) {
        text.erase(at);  // as the MATH paper: a unit is the last thing of an answer
      } else {
        text.replace(at, close + 1 - at, inside);
      }
    }
  }
}

// "k = 5" is "5".
void remove_name(std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals > 2 || text.find('=', equals + 1) != std::string::npos) return;
  text.erase(0, equals + 1);
}

// \sqrt3 is \sqrt{3}.
void brace_roots(std::string& text) {
  constexpr std::string_view root = "\\sqrt";
  for (auto at = text.find(root); at != std::string::npos; at = text.find(root, at + 1)) {
    const auto argument = at + root.size();
    if (argument >= text.size() || text[argument] == '{' || text[argument] == '[') continue;
    text.insert(argument + 1, "}");
    text.insert(argument, "{");
  }
}

// \frac12 is \frac{1}{2}, \frac1{72} is \frac{1}{72}.
void brace_fractions(std::string& text) {
  constexpr std::string_view fraction = "\\frac";
  for (auto at = text.find(fraction); at != std::string::npos; at = text.find(fraction, at + 1)) {
    const auto a = at + fraction.size();
    if (a + 1 >= text.size() || text[a] == '{') continue;
    const std::string upper{text[a]};
    if (text[a + 1] == '{') {
      text.replace(a, 1, "{" + upper + "}");
    } else {
      text.replace(a, 2, "{" + upper + "}{" + text[a + 1] + "}");
    }
  }
}

// One integer over another, "a/b", is \frac{a}{b}.
void fraction_of_slash(std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return;
  const auto whole = [](std::string_view part) {
    if (part.starts_with('-')) part.remove_prefix(1);
    return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
  };
  const auto a = text.substr(0, slash);
  const auto b = text.substr(slash + 1);
  if (whole(a) && whole(b)) text = "\\frac{" + a + "}{" + b + "}";
}

void canonical_number(std::string& text) {
  replace_all(text, "{,}", ",");
  if (const auto number = canonical_decimal(text)) text = *number;
  if (text == "0.5") text = "\\frac{1}{2}";  // the one decimal that the MATH paper's rule equates with a fraction
}

}  // namespace

std::string math_normal_form(std::string_view answer) {
  std::string text{answer};
  remove_layout(text);
  remove_degrees_and_money(text);
  resolve_text(text);
  replace_all(text, "\\%", "");
  replace_all(text, "%", "");
  replace_all(text, " .", " 0.");
  replace_all(text, "{.", "{0.");
  while (text.ends_with(' ') || text.ends_with('.')) text.pop_back();
  if (text.starts_with('.')) text.insert(0, "0");
  remove_name(text);
  brace_roots(text);
  replace_all(text, " ", "");
  brace_fractions(text);
  canonical_number(text);
  fraction_of_slash(text);
  return text;
}

}  // namespace dare::metrics
