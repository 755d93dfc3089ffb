#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare {
namespace {

constexpr std::size_t k_most_listed = 50;

// Not what became of the output: programs that write none say the same.
std::string listed(const std::vector<std::string>& texts) {
  auto all = fmt::format("{} problems found:", texts.size());
  const auto most = std::min(texts.size(), k_most_listed);
  for (std::size_t i = 0; i < most; ++i) all += "\n  " + texts[i];
  if (most < texts.size()) all += fmt::format("\n  ... and {} more", texts.size() - most);
  return all;
}

}  // namespace

ErrorList::ErrorList(ExitCode code, const std::vector<std::string>& texts) : Error{code, listed(texts)}, texts_{texts} {}

void Problems::add(const Error& error) {
  const auto* const list = dynamic_cast<const ErrorList*>(&error);
  if (list == nullptr) return add(error.code(), error.what());
  for (const auto& text : list->texts()) add(error.code(), text);
}

void Problems::add(const Problems& others) {
  for (const auto& text : others.texts_) add(others.code_, text);
}

void Problems::add(ExitCode code, std::string text) {
  if (code != ExitCode::input && (code_ == ExitCode::input || code == ExitCode::usage)) code_ = code;
  texts_.push_back(std::move(text));
}

void Problems::throw_if_any() const {
  if (texts_.empty()) return;
  if (texts_.size() == 1) throw Error{code_, texts_.front()};
  throw ErrorList{code_, texts_};
}

}  // namespace dare
