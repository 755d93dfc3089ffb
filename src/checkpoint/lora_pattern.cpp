#include "checkpoint/lora_pattern.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace dare::checkpoint::lora {
namespace {

struct Token {
  enum class Kind { character, any, run } kind;
  char character = 0;
};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Nothing where the pattern is not plain. `pattern` has no ^ and $ any more.
std::optional<std::vector<Token>> tokens_of(std::string_view pattern) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (is_name_character(pattern[i])) {
      tokens.push_back({Token::Kind::character, pattern[i]});
    } else if (pattern[i] == '\\' && next == '.') {
      tokens.push_back({Token::Kind::character, '.'});
      ++i;
    } else if (pattern[i] == '.' && next == '*') {
      tokens.push_back({Token::Kind::run});
      ++i;
    } else if (pattern[i] == '.') {
      tokens.push_back({Token::Kind::any});
    } else {
      return std::nullopt;
    }
  }
  return tokens;
}

std::string_view without_anchors(std::string_view pattern) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with('$')) pattern.remove_suffix(1);
  return pattern;
}

// The whole text; a run gives back one character at a time, and only the last run has to.
bool matches_all(const std::vector<Token>& tokens, std::string_view text) {
  std::size_t t = 0;
  std::size_t at = 0;
  std::size_t after_run = tokens.size() + 1;  // none yet
  std::size_t run_end = 0;
  while (at < text.size()) {
    if (t < tokens.size() && tokens[t].kind == Token::Kind::run) {
      after_run = ++t;
      run_end = at;
    } else if (t < tokens.size() && (tokens[t].kind == Token::Kind::any || tokens[t].character == text[at])) {
      ++t;
      ++at;
    } else if (after_run <= tokens.size()) {
      t = after_run;
      at = ++run_end;
    } else {
      return false;
    }
  }
  while (t < tokens.size() && tokens[t].kind == Token::Kind::run) ++t;
  return t == tokens.size();
}

}  // namespace

bool is_plain_pattern(std::string_view pattern) {
  return tokens_of(without_anchors(pattern)).has_value();
}

bool matches_module(std::string_view pattern, std::string_view module) {
  const auto tokens = tokens_of(without_anchors(pattern));
  if (!tokens) return false;
  if (matches_all(*tokens, module)) return true;
  if (pattern.starts_with('^')) return false;
  for (auto dot = module.find('.'); dot != std::string_view::npos; dot = module.find('.', dot + 1)) {
    if (matches_all(*tokens, module.substr(dot + 1))) return true;
  }
  return false;
}

}  // namespace dare::checkpoint::lora
