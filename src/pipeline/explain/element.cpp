#include "pipeline/explain/element.hpp"

#include "recipe/nearest.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace dare::pipeline {
namespace {

constexpr std::size_t k_near_names = 3;

struct Parts {
  std::string_view tensor;
  std::optional<std::vector<std::uint64_t>> indices;  // nothing: no brackets
};

std::optional<std::vector<std::uint64_t>> parse_indices(std::string_view text) {
  std::vector<std::uint64_t> indices;
  for (std::size_t at = 0; at <= text.size();) {
    auto end = std::min(text.find(',', at), text.size());
    auto word = text.substr(at, end - at);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || rest != word.data() + word.size()) return std::nullopt;
    indices.push_back(value);
    at = end + 1;
  }
  return indices;
}

// Brackets at the end are indices, whatever the name holds.
Parts split(std::string_view text) {
  const auto open = text.rfind('[');
  if (open == std::string_view::npos || text.back() != ']') return {text, std::nullopt};
  const auto indices = parse_indices(text.substr(open + 1, text.size() - open - 2));
  if (!indices) return {text, std::nullopt};
  return {text.substr(0, open), indices};
}

// Names that hold the text, or are held by it, come before those that are spelt alike.
std::string near_names(std::string_view wanted, const Work& work, const Product& product) {
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (const auto& task : product.job.tasks) {
    const std::string_view name = work.frame.tensors[task.tensor].name;
    const bool holds = !wanted.empty() && (name.find(wanted) != std::string_view::npos || wanted.find(name) != std::string_view::npos);
    const auto distance = recipe::edits_between(wanted, name);
    if (holds || distance <= 1 + wanted.size() / 3) ranked.emplace_back(holds ? 0 : distance, name);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (ranked.size() > k_near_names) ranked.resize(k_near_names);
  if (ranked.empty()) return "`dare-inspect` lists them";
  std::string text = "near it: ";
  for (std::size_t i = 0; i < ranked.size(); ++i) text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", ranked[i].second);
  return text;
}

std::optional<std::uint32_t> find_task(std::string_view name, const Work& work, const Product& product) {
  const auto& tasks = product.job.tasks;
  for (std::uint32_t t = 0; t < tasks.size(); ++t) {
    if (work.frame.tensors[tasks[t].tensor].name == name) return t;
  }
  return std::nullopt;
}

[[noreturn]] void refuse(std::string_view text, std::string_view name, const Shape& shape, const std::string& why) {
  throw UsageError{fmt::format("--explain {}: tensor \"{}\" is {}: {}", text, name, to_string(shape), why)};
}

std::uint64_t flat_index(std::string_view text, std::string_view name, const Shape& shape, const std::vector<std::uint64_t>& indices) {
  const auto elements = *checked_elements(shape);
  if (elements == 0) refuse(text, name, shape, "it has no element");
  if (indices.size() == 1 && shape.size() != 1) {
    if (indices[0] < elements) return indices[0];
    refuse(text, name, shape, fmt::format("flat index {}, expected one below {}", indices[0], elements));
  }
  if (indices.size() != shape.size())
    refuse(text, name, shape, fmt::format("{} indices, expected {}, or one flat index below {}", indices.size(), shape.size(), elements));
  std::uint64_t flat = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (indices[d] >= shape[d])
      refuse(text, name, shape, fmt::format("index {} in dimension {}, expected one below {}", indices[d], d, shape[d]));
    flat = flat * shape[d] + indices[d];
  }
  return flat;
}

}  // namespace

Element find_element(std::string_view text, const Work& work, const Product& product) {
  auto parts = split(text);
  auto task = find_task(text, work, product);  // a name may end like indices
  if (task) parts = {text, std::nullopt};
  else task = find_task(parts.tensor, work, product);
  if (!task) {
    throw UsageError{fmt::format("--explain {}: {} has no tensor \"{}\"; {}", text, work.frame.root.string(), parts.tensor,
                                 near_names(parts.tensor, work, product))};
  }
  const auto& shape = product.job.tasks[*task].shape;
  if (parts.indices) return {*task, flat_index(text, parts.tensor, shape, *parts.indices)};
  const auto elements = *checked_elements(shape);
  if (elements == 1) return {*task, 0};
  if (elements == 0) refuse(text, parts.tensor, shape, "it has no element");
  refuse(text, parts.tensor, shape, fmt::format("name one element of it, e.g. {}", element_name(std::string{parts.tensor}, shape, 0)));
}

std::string element_name(const std::string& tensor, const Shape& shape, std::uint64_t index) {
  return shape.empty() ? tensor : tensor + place_in(shape, index);
}

}  // namespace dare::pipeline
