#include <dare/checkpoint/config_json.hpp>

#include <algorithm>
#include <optional>

namespace dare::checkpoint {
namespace {

constexpr std::string_view k_space = " \t\n\v\f\r";
constexpr std::string_view k_digits = "0123456789";
constexpr std::string_view k_word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

// A piece of a text.
struct Piece {
  std::size_t begin;
  std::size_t end;
};

std::size_t past(std::string_view text, std::size_t at, std::string_view characters) {
  return std::min(text.find_first_not_of(characters, at), text.size());
}

// Where the value begins of a key (with its quotes) that stands at `at`; nothing where another thing does.
std::optional<std::size_t> value_of(std::string_view text, std::size_t at, std::string_view key) {
  if (!text.substr(at).starts_with(key)) return std::nullopt;
  const auto colon = past(text, at + key.size(), k_space);
  if (colon == text.size() || text[colon] != ':') return std::nullopt;
  return past(text, colon + 1, k_space);
}

// The text with some pieces replaced. By hand: std::regex recurses on the text. @param find  std::optional<Piece>(place of a quote)
template <class Find, class Replace>
std::string replaced(std::string_view text, Find&& find, Replace&& replace) {
  std::string result;
  std::size_t done = 0;
  for (auto at = text.find('"'); at != std::string_view::npos; at = text.find('"', at + 1)) {
    const std::optional<Piece> piece = find(at);
    if (!piece) continue;
    result += text.substr(done, piece->begin - done);
    result += replace(text.substr(piece->begin, piece->end - piece->begin));
    done = piece->end;
    at = piece->end - 1;
  }
  result += text.substr(done);
  return result;
}

}  // namespace

std::string with_torch_dtype(std::string_view config, Dtype dtype) {
  const auto torch = info(dtype).torch_name;
  if (torch.empty()) return std::string{config};
  const auto find = [&](std::size_t at) -> std::optional<Piece> {
    for (const std::string_view key : {"\"torch_dtype\"", "\"dtype\""}) {
      const auto begin = value_of(config, at, key);
      if (!begin || *begin == config.size() || config[*begin] != '"') continue;
      const Piece word{*begin + 1, past(config, *begin + 1, k_word)};
      if (word.end != word.begin && word.end != config.size() && config[word.end] == '"') return word;
    }
    return std::nullopt;
  };
  return replaced(config, find, [&](std::string_view) { return torch; });
}

std::string with_vocab_size(std::string_view config, const std::map<std::uint64_t, std::uint64_t>& rows) {
  const auto number_in = [](std::string_view digits) { return std::stoull(std::string{digits}); };
  const auto find = [&](std::size_t at) -> std::optional<Piece> {
    const auto begin = value_of(config, at, "\"vocab_size\"");
    if (!begin) return std::nullopt;
    const Piece number{*begin, past(config, *begin, k_digits)};
    const auto digits = number.end - number.begin;
    const bool goes_on = number.end != config.size() && std::string_view{".eE"}.find(config[number.end]) != std::string_view::npos;
    if (digits == 0 || digits > 18 || goes_on || !rows.contains(number_in(config.substr(number.begin, digits)))) return std::nullopt;
    return number;
  };
  return replaced(config, find, [&](std::string_view digits) { return std::to_string(rows.at(number_in(digits))); });
}

}  // namespace dare::checkpoint
