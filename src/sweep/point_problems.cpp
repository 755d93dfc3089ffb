#include "sweep/point_problems.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>

namespace dare::sweep {
namespace {

constexpr std::size_t k_points_shown = 3;

}  // namespace

Refusal::Refusal(const Error& error) : code{error.code()} {
  Problems problems;
  problems.add(error);
  for (const auto& text : problems.texts()) {  // one input may be named twice
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
}

std::string Refusal::text() const {
  return texts.size() == 1 ? texts.front() : ErrorList{code, texts}.what();
}

void PointProblems::add(const std::string& name, const std::string& problem) {
  const auto [place, is_new] = place_.emplace(problem, told_.size());
  if (is_new) told_.push_back({problem, {}, 0});
  auto& one = told_[place->second];
  ++one.count;
  if (one.names.size() < k_points_shown) one.names.push_back(name);
}

void PointProblems::add(const std::string& name, const Refusal& refusal) {
  for (const auto& text : refusal.texts) add(name, text);
}

std::string PointProblems::points_of(const Told& one) const {
  if (one.count == 1) return "point " + one.names.front();
  if (one.count == all_) return "every point";
  const auto last = one.count <= k_points_shown ? one.names.back() : fmt::format("{} more", one.count - (k_points_shown - 1));
  return fmt::format("points {} and {}",
                     fmt::join(one.names.begin(), one.names.begin() + (static_cast<std::ptrdiff_t>(one.names.size()) - 1), ", "), last);
}

std::vector<std::string> PointProblems::texts() const {
  std::vector<std::string> texts;
  for (const auto& one : told_) texts.push_back(fmt::format("{}: {}", points_of(one), one.problem));
  return texts;
}

}  // namespace dare::sweep
