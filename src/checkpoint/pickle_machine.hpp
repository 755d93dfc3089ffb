#pragma once
/// Reads a pickle (protocols 2 to 5) without Python: nothing is imported and nothing is called but what a vocabulary knows.

#include "checkpoint/pickle_heap.hpp"
#include "checkpoint/pickle_input.hpp"

#include <optional>
#include <string>

namespace dare::checkpoint::pickle {

/// All that a pickle may name. Every member may throw Refusal.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  /// The number of the global `name` ("module.name"); nothing for a stranger.
  [[nodiscard]] virtual std::optional<std::uint32_t> global(const std::string& name) const = 0;
  /// What `callable` (a Kind::global) makes of `arguments` (a Kind::tuple).
  [[nodiscard]] virtual Id call(Heap& heap, Id callable, Id arguments) = 0;
  /// What a persistent id stands for.
  [[nodiscard]] virtual Id persistent(Heap& heap, Id id) = 0;
  /// Gives `object` the attributes `state`.
  virtual void build(const Heap& heap, Id object, Id state) const = 0;
};

/// Reads one pickle, from `input`'s position to its STOP, and returns its value. Memory is at most some 70 bytes an opcode, of which 2^24
/// are read, and the texts' own bytes; nothing recurses.
/// @throws Refusal  an opcode, global or call that is not known, naming it and its byte; or the pickle is damaged.
[[nodiscard]] Id run(Input& input, Vocabulary& vocabulary, Heap& heap);

}  // namespace dare::checkpoint::pickle
