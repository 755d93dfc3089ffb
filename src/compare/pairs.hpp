#pragma once
/// Which tensors of two checkpoints are compared with each other.

#include <dare/checkpoint/header.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::compare {

/// Two tensors of which the leading `elements` are compared.
struct Pair {
  std::uint32_t a = 0;  ///< position in A's header
  std::uint32_t b = 0;  ///< position in B's header
  std::uint64_t elements = 0;
  std::uint64_t row = 1;  ///< elements of a row: the last extent, 1 for a scalar
};

struct Pairing {
  std::vector<Pair> pairs;            ///< in A's order
  std::vector<std::uint32_t> only_a;  ///< positions in A's header
  std::vector<std::uint32_t> only_b;  ///< positions in B's header
  std::vector<Pair> of_other_shape;   ///< the same name, and nothing to compare
};

/// Tensors of the same name and shape. Pure.
[[nodiscard]] Pairing by_name(const checkpoint::Header& a, const checkpoint::Header& b);

/// A model's tensors (A) with those of its base (B), as a merge takes them: names that differ by a prefix alone are matched, and where the
/// rows alone differ those that both have are compared. Floats alone. Pure.
[[nodiscard]] Pairing with_base(const checkpoint::Header& model, const checkpoint::Header& base);

}  // namespace dare::compare
