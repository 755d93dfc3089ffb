#include "recipe/yaml_reader.hpp"

#include "core/lower_case.hpp"
#include "core/printable.hpp"
#include "recipe/numbers.hpp"

#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>

namespace dare::recipe {
namespace {

constexpr std::size_t k_most_shown = 300;  // bytes of what a message takes from the text
constexpr std::size_t k_most_bytes = std::size_t{1} << 20U;
constexpr std::size_t k_most_values = 100'000;  // aliases can make a small text stand for any number of values
constexpr int k_most_merges = 16;               // a mapping may be merged into itself

struct IgnoreEvents final : YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// 0, 1, or 2 for more: of a text that begins with a comma yaml-cpp 0.7 makes documents without end.
int count_documents(const std::string& text) {
  std::istringstream in{text};
  YAML::Parser parser{in};
  IgnoreEvents events;
  int count = 0;
  while (count < 2 && parser.HandleNextDocument(events)) ++count;
  return count;
}

// Its beginning is that of a line, counted from 0.
std::string_view from_line(std::string_view text, int line) {
  for (; line > 0 && !text.empty(); --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text;
}

bool is_indented_by_tab(std::string_view text, int line) {
  text = from_line(text, line);
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

// What a line that is no YAML most often lacks; empty where that is not known.
std::string hint_for(std::string_view text, int line) {
  if (is_indented_by_tab(text, line)) return "; a tab indents this line, YAML takes spaces alone";
  text = from_line(text, line);
  text = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto colon = text.find(": ");
  if (colon == std::string_view::npos || text.find(": ", colon + 1) == std::string_view::npos) return "";
  const auto key = text.substr(0, colon);
  const auto first = text.find_first_not_of(' ', colon + 1);
  if (key.find_first_of(" {[\"'") != std::string_view::npos || std::string_view{"{[\"'"}.find(text[first]) != std::string_view::npos)
    return "";
  return fmt::format("; the value of {} holds a colon and a space: quote it, or write it below `{}: >-`", key, key);
}

std::string shown(const YAML::Node& node) {
  if (node.IsNull()) return "nothing";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  return in_quotes(node.Scalar());
}

}  // namespace

std::string read_document(const std::filesystem::path& file, std::string_view what) {
  std::error_code unknown;
  if (std::filesystem::is_directory(file, unknown))
    throw UsageError{fmt::format("{}: a folder, expected a {}; give the file in it", file.string(), what)};
  try {
    return read_text(file);
  } catch (const IoError& error) { throw UsageError{error.what()}; }
}

YAML::Node YamlReader::document(std::string_view text) const {
  if (text.size() > k_most_bytes) throw UsageError{fmt::format("{}: {} bytes, a recipe has at most {}", where_, text.size(), k_most_bytes)};
  try {
    const auto documents = count_documents(std::string{text});
    if (documents == 0) throw UsageError{fmt::format("{}: is empty; a recipe has at least merge_method and models", where_)};
    if (documents > 1) throw UsageError{fmt::format("{}: holds several YAML documents, expected one", where_)};
    return YAML::Load(std::string{text});
  } catch (const YAML::Exception& error) {
    throw UsageError{fmt::format("{}:{}: is no valid YAML: {}{}", where_, error.mark.line + 1, printable(error.msg, k_most_shown),
                                 printable(hint_for(text, error.mark.line), k_most_shown))};
  }
}

std::string YamlReader::place(const YAML::Node& node) const {
  return fmt::format("{}:{}", where_, node.Mark().line + 1);
}

void YamlReader::refuse_at(const std::string& place, const std::string& text) {
  problems_.usage(fmt::format("{}: {}", place, text));
}

void YamlReader::expected(const YAML::Node& node, std::string_view name, std::string_view what) {
  refuse(node, fmt::format("{}: expected {}, found {}", name, what, shown(node)));
}

void YamlReader::spend(const YAML::Node& node, std::size_t values) {
  spent_ += values;
  if (spent_ <= k_most_values) return;
  throw UsageError{fmt::format("{}: the recipe expands to more than {} values", place(node), k_most_values)};
}

void YamlReader::collect(const YAML::Node& node, std::string_view name, int depth, std::vector<Entry>& entries) {
  if (!node.IsMap()) return expected(node, name, "a mapping");
  if (depth == k_most_merges) return refuse(node, fmt::format("{}: merge keys (<<) nest deeper than {}", name, k_most_merges));
  spend(node, node.size() + 1);
  std::vector<YAML::Node> merged;
  const auto first = entries.size();
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) {
      expected(pair.first, name, "a key that is a word");
      continue;
    }
    auto key = pair.first.Scalar();
    if (key == "<<" && pair.first.Tag() != "!") {
      merged.push_back(pair.second);
      continue;
    }
    const auto same = [&](const Entry& entry) { return entry.key == key; };
    const auto own = entries.begin() + static_cast<std::ptrdiff_t>(first);
    if (const auto other = std::find_if(own, entries.end(), same); other != entries.end()) {
      refuse(pair.first, fmt::format("{} is given twice, first in line {}", in_quotes(key), other->key_node.Mark().line + 1));
    } else if (depth == 0 || std::none_of(entries.begin(), own, same)) {  // what stands nearer wins over what is merged in
      entries.push_back({std::move(key), pair.first, pair.second});
    }
  }
  for (const auto& from : merged) {
    if (!from.IsSequence()) {
      collect(from, "<<", depth + 1, entries);
      continue;
    }
    for (const auto& one : from) collect(one, "<<", depth + 1, entries);
  }
}

std::vector<YamlReader::Entry> YamlReader::mapping(const YAML::Node& node, std::string_view name) {
  std::vector<Entry> entries;
  collect(node, name, 0, entries);
  return entries;
}

std::vector<YAML::Node> YamlReader::sequence(const YAML::Node& node, std::string_view name) {
  if (!node.IsSequence()) {
    expected(node, name, "a list");
    return {};
  }
  spend(node, node.size() + 1);
  return {node.begin(), node.end()};
}

std::vector<std::string> YamlReader::texts(const YAML::Node& node, std::string_view name) {
  std::vector<std::string> result;
  const auto items = node.IsScalar() ? std::vector<YAML::Node>{node} : sequence(node, name);
  for (const auto& item : items) {
    if (auto one = text(item, name)) result.push_back(std::move(*one));
  }
  return result;
}

std::optional<std::string> YamlReader::text(const YAML::Node& node, std::string_view name) {
  if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
  expected(node, name, "a text");
  return std::nullopt;
}

std::optional<bool> YamlReader::boolean(const YAML::Node& node, std::string_view name) {
  if (node.IsScalar()) {
    const auto word = lower_case(node.Scalar());
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
  }
  expected(node, name, "true or false");
  return std::nullopt;
}

std::optional<double> YamlReader::number(const YAML::Node& node, std::string_view name, const Range& range) {
  const auto value = node.IsScalar() ? number_in(node.Scalar()) : std::nullopt;
  if (!value) {
    const bool percentage = node.IsScalar() && node.Scalar().ends_with('%');
    expected(node, name, percentage ? "a number such as 0.9 for 90 %" : "a number");
    return std::nullopt;
  }
  if (range.has(*value)) return value;
  refuse(node, fmt::format("{}: {}", name, is_outside(range, node.Scalar(), *value)));
  return std::nullopt;
}

std::optional<std::uint64_t> YamlReader::whole(const YAML::Node& node, std::string_view name) {
  const auto value = node.IsScalar() ? whole_in(node.Scalar()) : std::nullopt;
  if (!value) expected(node, name, "a whole number from 0 to 18446744073709551615");
  return value;
}

std::optional<std::uint64_t> YamlReader::whole(const YAML::Node& node, std::string_view name, const Range& range) {
  const auto value = whole(node, name);
  if (!value || range.has(static_cast<double>(*value))) return value;
  refuse(node, fmt::format("{}: {}", name, is_outside(range, node.Scalar(), static_cast<double>(*value))));
  return std::nullopt;
}

}  // namespace dare::recipe
