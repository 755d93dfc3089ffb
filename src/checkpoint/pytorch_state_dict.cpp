#include "checkpoint/pytorch_state_dict.hpp"

#include "checkpoint/tensor_name.hpp"
#include "core/printable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <unordered_set>

namespace dare::checkpoint::pytorch {
namespace {

using pickle::Heap;
using pickle::Id;
using pickle::Kind;
using pickle::Refusal;

constexpr std::array<std::string_view, 4> k_wrappers{"state_dict", "model_state_dict", "model", "module"};
constexpr int k_deepest_wrapping = 4;
constexpr auto k_save_flat = "save the model's state_dict() alone";

bool is_container(const Heap& heap, Id id) {
  return heap.is(id, Kind::dict) || heap.is(id, Kind::list) || heap.is(id, Kind::tuple);
}

// Looks into values once each, however often they are shared or contain themselves.
class Search {
 public:
  Search(const Heap& heap, const Objects& objects) : heap_{heap}, objects_{objects} {}
  bool holds_tensor(Id id) {
    std::vector<Id> open{id};
    while (!open.empty()) {
      const auto next = open.back();
      open.pop_back();
      if (objects_.tensor(heap_, next) != nullptr) return true;
      if (!is_container(heap_, next) || !seen_.insert(next).second) continue;
      for (const auto item : heap_.items(next)) open.push_back(item);
    }
    return false;
  }

 private:
  const Heap& heap_;
  const Objects& objects_;
  std::unordered_set<Id> seen_;
};

bool has_own_tensor(const Heap& heap, Id dict, const Objects& objects) {
  const auto items = heap.items(dict);
  for (std::size_t i = 1; i < items.size(); i += 2) {
    if (objects.tensor(heap, items[i]) != nullptr) return true;
  }
  return false;
}

// The one value that wraps the state dict; nothing where none does.
std::optional<Id> wrapped(const Heap& heap, Id dict) {
  std::vector<std::pair<std::string_view, Id>> found;
  const auto items = heap.items(dict);
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (!heap.is(items[i], Kind::text) || !heap.is(items[i + 1], Kind::dict)) continue;
    const auto wrapper = std::find(k_wrappers.begin(), k_wrappers.end(), heap.text(items[i]));
    if (wrapper != k_wrappers.end()) found.emplace_back(*wrapper, items[i + 1]);
  }
  if (found.size() > 1) {
    throw Refusal{fmt::format("both \"{}\" and \"{}\" are dicts, one of them is meant; {}", found[0].first, found[1].first, k_save_flat)};
  }
  return found.empty() ? std::nullopt : std::optional{found[0].second};
}

Id innermost(const Heap& heap, Id root, const Objects& objects) {
  for (int depth = 0; depth <= k_deepest_wrapping; ++depth) {
    if (!heap.is(root, Kind::dict))
      throw Refusal{fmt::format("holds {}, a dict of tensors is expected; {}", heap.kind_name(root), k_save_flat)};
    if (has_own_tensor(heap, root, objects)) return root;
    const auto inner = wrapped(heap, root);
    if (!inner) break;
    root = *inner;
  }
  throw Refusal{fmt::format("no tensor, neither in the dict nor in one of its \"{}\"; {}", fmt::join(k_wrappers, "\", \""), k_save_flat)};
}

}  // namespace

std::vector<NamedTensor> state_dict(const Heap& heap, Id root, const Objects& objects) {
  const auto items = heap.items(innermost(heap, root, objects));
  Search search{heap, objects};
  std::unordered_set<std::string_view> names;
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < items.size(); i += 2) {
    const auto* tensor = objects.tensor(heap, items[i + 1]);
    if (tensor == nullptr && !search.holds_tensor(items[i + 1])) continue;
    if (!heap.is(items[i], Kind::text))
      throw Refusal{fmt::format("a tensor's name is {}, a text is expected; {}", heap.kind_name(items[i]), k_save_flat)};
    const auto& name = heap.text(items[i]);
    if (const auto problem = name_problem(name); !problem.empty())
      throw Refusal{fmt::format("tensor \"{}\": {}; rename it", printable(name), problem)};
    if (tensor == nullptr)
      throw Refusal{fmt::format("\"{}\" is {} that holds tensors; {}", name, heap.kind_name(items[i + 1]), k_save_flat)};
    if (!names.insert(name).second) throw Refusal{fmt::format("tensor \"{}\": stands twice in the dict; fetch the file again", name)};
    tensors.push_back({name, tensor});
  }
  return tensors;
}

}  // namespace dare::checkpoint::pytorch
