#pragma once
/// The values that a pickle makes: small, flat, shared by number, so that memory grows with the pickle and not with what it repeats.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dare::checkpoint::pickle {

enum class Kind : std::uint8_t {
  none,
  boolean,
  integer,
  long_integer,  ///< more than 64 bits: its bytes, little-endian, as a text
  real,          ///< its value is not kept
  text,
  bytes,
  tuple,
  list,
  dict,    ///< its items are key, value, key, value, ...
  global,  ///< a name that the vocabulary knows
  object,  ///< something that the vocabulary made
};

/// Number of a value in its heap.
using Id = std::uint32_t;

struct Value {
  Kind kind = Kind::none;
  std::uint32_t tag = 0;     ///< global: the vocabulary's number for it. object: the vocabulary's kind
  std::int64_t integer = 0;  ///< boolean, integer: the value. object: the vocabulary's number. Others: where the text or the items are
};

class Heap {
 public:
  [[nodiscard]] Id add(Value value);
  [[nodiscard]] Id add_text(Kind kind, std::string_view text);
  [[nodiscard]] Id add_items(Kind kind, std::vector<Id> items);

  [[nodiscard]] const Value& operator[](Id id) const { return values_[id]; }
  [[nodiscard]] bool is(Id id, Kind kind) const { return values_[id].kind == kind; }
  /// @pre the value has a text, or items.
  [[nodiscard]] const std::string& text(Id id) const { return texts_[static_cast<std::size_t>(values_[id].integer)]; }
  [[nodiscard]] std::span<const Id> items(Id id) const { return items_[static_cast<std::size_t>(values_[id].integer)]; }
  [[nodiscard]] std::vector<Id>& mutable_items(Id id) { return items_[static_cast<std::size_t>(values_[id].integer)]; }

  /// For messages: "a dict", "a text", ...
  [[nodiscard]] std::string_view kind_name(Id id) const;

 private:
  std::vector<Value> values_;
  std::vector<std::string> texts_;
  std::vector<std::vector<Id>> items_;
};

}  // namespace dare::checkpoint::pickle
