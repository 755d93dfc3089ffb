#include <dare/checkpoint/select.hpp>

#include "checkpoint/tensor_name.hpp"
#include "core/pattern.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <unordered_map>

namespace dare::checkpoint {
namespace {

// One option's expression, and whether it was ever found.
struct Pattern {
  std::string option;
  std::string text;
  std::regex compiled;
  std::string replacement = {};
  bool found = false;

  bool in(const std::string& name) {
    const bool here = std::regex_search(name, compiled);
    found = found || here;
    return here;
  }
};

class Selector {
 public:
  Selector(Header header, const Selection& selection) : header_{std::move(header)} {
    for (const auto& text : selection.include) compile(include_, "include", text);
    for (const auto& text : selection.exclude) compile(exclude_, "exclude", text);
    for (const auto& [text, replacement] : selection.rename) compile(rename_, "rename", text, replacement);
    problems_.throw_if_any();
  }

  Header run() {
    auto all = std::move(header_.tensors);
    header_.tensors.clear();
    std::vector<std::string> old_names;
    for (auto& tensor : all) {
      if (!selected(tensor.name)) continue;
      old_names.push_back(tensor.name);
      tensor.name = renamed(tensor.name);
      header_.tensors.push_back(std::move(tensor));
    }
    check_use();
    check_names(old_names);
    problems_.throw_if_any();
    return std::move(header_);
  }

 private:
  void compile(std::vector<Pattern>& list, const char* option, const std::string& text, const std::string& replacement = {}) {
    try {
      list.push_back({option, text, compile_pattern(text), replacement});
    } catch (const UsageError& error) { problems_.usage(fmt::format("--{}: {}", option, error.what())); }
  }

  // All expressions are looked for, so that none is called useless for another's sake.
  bool selected(const std::string& name) {
    bool included = include_.empty();
    for (auto& pattern : include_) included = pattern.in(name) || included;
    bool excluded = false;
    for (auto& pattern : exclude_) excluded = pattern.in(name) || excluded;
    return included && !excluded;
  }

  std::string renamed(std::string name) {
    for (auto& pattern : rename_) {
      if (pattern.in(name)) name = std::regex_replace(name, pattern.compiled, pattern.replacement);
    }
    return name;
  }

  void check_use() {
    for (const auto* list : {&include_, &exclude_, &rename_}) {
      for (const auto& pattern : *list) {
        if (pattern.found) continue;
        problems_.usage(fmt::format("--{}: \"{}\" is found in the name of no {}tensor of {}; dare-inspect lists them", pattern.option,
                                    pattern.text, pattern.option == "rename" ? "selected " : "", header_.root.string()));
      }
    }
    if (header_.tensors.empty() && problems_.empty())
      problems_.usage(fmt::format("{}: --include and --exclude leave no tensor; dare-inspect lists them", header_.root.string()));
  }

  void check_names(const std::vector<std::string>& old_names) {
    std::unordered_map<std::string_view, std::size_t> seen;
    for (std::size_t t = 0; t < old_names.size(); ++t) {
      const auto& name = header_.tensors[t].name;
      if (name != old_names[t] && (name.empty() || !name_problem(name).empty())) {
        problems_.usage(
            fmt::format("--rename makes \"{}\" of tensor \"{}\", which is no tensor's name", printable(name), printable(old_names[t])));
        continue;
      }
      const auto [other, added] = seen.emplace(name, t);
      if (added) continue;
      problems_.usage(fmt::format("--rename makes \"{}\" of two tensors, \"{}\" and \"{}\"", printable(name),
                                  printable(old_names[other->second]), printable(old_names[t])));
    }
  }

  Header header_;
  Problems problems_;
  std::vector<Pattern> include_;
  std::vector<Pattern> exclude_;
  std::vector<Pattern> rename_;
};

}  // namespace

Selection::Rename parse_rename(const std::string& text) {
  const auto at = text.rfind('=');
  if (at == std::string::npos || at == 0)
    throw UsageError{fmt::format("--rename {}: give REGEX=REPLACEMENT, e.g. '^transformer\\.=model.'", text)};
  return {text.substr(0, at), text.substr(at + 1)};
}

Header select(Header header, const Selection& selection) {
  if (selection.empty()) return header;
  return Selector{std::move(header), selection}.run();
}

}  // namespace dare::checkpoint
