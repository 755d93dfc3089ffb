#include <dare/metrics/answers.hpp>

#include "core/lower_case.hpp"
#include "metrics/numbers.hpp"

#include <algorithm>

namespace dare::metrics {
namespace {

bool space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// The position after the brace that closes the one at `open`; npos where none does.
std::size_t after_closing_brace(std::string_view text, std::size_t open) {
  std::size_t depth = 0;
  for (auto i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;  // \{ and \} do not group
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::optional<std::string> boxed_at(std::string_view text, std::size_t command_end) {
  const auto open = text.find_first_not_of(' ', command_end);
  if (open == std::string_view::npos) return std::nullopt;
  if (text[open] == '{') {
    const auto end = after_closing_brace(text, open);
    if (end == std::string_view::npos) return std::nullopt;
    return std::string{text.substr(open + 1, end - open - 2)};
  }
  if (open == command_end) return std::nullopt;
  return std::string{trimmed(text.substr(open, text.find('$', open) - open))};  // "\boxed 5$"
}

// "**5**" is 5; "2**3" stays.
std::string without_bold(std::string_view text) {
  const auto inside_word = [&](std::size_t i) { return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("**") && !(i > 0 && inside_word(i - 1) && inside_word(i + 2))) {
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Where the next '$' that is no "\$" stands.
std::size_t find_dollar(std::string_view text, std::size_t from) {
  auto at = text.find('$', from);
  while (at != std::string_view::npos && at > 0 && text[at - 1] == '\\') at = text.find('$', at + 1);
  return at;
}

// What follows the last "answer is", in any case, read as Minerva's prompt has it: "... is $5$. I hope it is correct."
std::optional<std::string> after_phrase(std::string_view text) {
  const auto lower = lower_case(std::string{text});
  constexpr std::string_view phrase = "answer is";
  const auto found = lower.rfind(phrase);
  if (found == std::string::npos) return std::nullopt;
  const auto start = found + phrase.size();
  const auto end = std::min(lower.find('\n', start), lower.find(". i hope", start));
  const auto plain = without_bold(text.substr(start, end - start));
  auto rest = trimmed(plain);
  if (rest.starts_with(':')) rest = trimmed(rest.substr(1));
  const auto open = find_dollar(rest, 0);
  const auto close = open == std::string_view::npos ? open : find_dollar(rest, open + 1);
  if (close != std::string_view::npos) rest = trimmed(rest.substr(open + 1, close - open - 1));
  return std::string{rest};
}

}  // namespace

std::optional<std::string> gsm8k_answer(std::string_view text) {
  constexpr std::string_view mark = "####";
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) {
    // Only on the mark's own line: a mark without an answer must not take the next question's first number.
    const auto line = text.substr(at + mark.size(), text.find('\n', at) - at - mark.size());
    if (auto number = find_number(line, 0)) return number->canonical;
  }
  std::optional<std::string> last;
  for (auto number = find_number(text, 0); number; number = find_number(text, number->end)) last = number->canonical;
  return last;
}

std::optional<std::string> last_boxed(std::string_view text) {
  constexpr std::string_view boxed = "\\boxed";
  constexpr std::string_view fbox = "\\fbox";
  if (const auto at = text.rfind(boxed); at != std::string_view::npos) return boxed_at(text, at + boxed.size());
  if (const auto at = text.rfind(fbox); at != std::string_view::npos) return boxed_at(text, at + fbox.size());
  return std::nullopt;
}

std::string math_answer(std::string_view text) {
  if (const auto boxed = last_boxed(text)) return math_normal_form(*boxed);
  if (const auto rest = after_phrase(text)) return math_normal_form(*rest);
  return math_normal_form(text);
}

std::string plain_answer(std::string_view text) {
  std::string out;
  for (const auto c : trimmed(text)) {
    if (!space(c)) {
      out += c;
    } else if (!out.ends_with(' ')) {
      out += ' ';
    }
  }
  return out;
}

}  // namespace dare::metrics
