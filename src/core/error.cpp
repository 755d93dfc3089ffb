#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare {
namespace {

constexpr std::size_t k_most_listed = 50;

}  // namespace

void Problems::add(ExitCode code, std::string text) {
  if (code != ExitCode::input && (code_ == ExitCode::input || code == ExitCode::usage)) code_ = code;
  texts_.push_back(std::move(text));
}

void Problems::throw_if_any() const {
  if (texts_.empty()) return;
  if (texts_.size() == 1) throw Error{code_, texts_.front()};
  std::string all = fmt::format("{} problems found, nothing was written:", texts_.size());
  const auto listed = std::min(texts_.size(), k_most_listed);
  for (std::size_t i = 0; i < listed; ++i) all += "\n  " + texts_[i];
  if (listed < texts_.size()) all += fmt::format("\n  ... and {} more", texts_.size() - listed);
  throw Error{code_, all};
}

}  // namespace dare
