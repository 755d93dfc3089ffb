#include "checkpoint/pickle_heap.hpp"

#include <array>

namespace dare::checkpoint::pickle {

Id Heap::add(Value value) {
  values_.push_back(value);
  return static_cast<Id>(values_.size() - 1);
}

Id Heap::add_text(Kind kind, std::string_view text) {
  texts_.emplace_back(text);
  return add({kind, 0, static_cast<std::int64_t>(texts_.size() - 1)});
}

Id Heap::add_items(Kind kind, std::vector<Id> items) {
  items_.push_back(std::move(items));
  return add({kind, 0, static_cast<std::int64_t>(items_.size() - 1)});
}

std::string_view Heap::kind_name(Id id) const {
  static constexpr std::array<std::string_view, 12> names{"None",    "a boolean", "an integer", "an integer of more than 64 bits",
                                                          "a float", "a text",    "bytes",      "a tuple",
                                                          "a list",  "a dict",    "a global",   "an object"};
  return names[static_cast<std::size_t>(values_[id].kind)];
}

}  // namespace dare::checkpoint::pickle
