#pragma once
/// The ranks of a row's elements by |delta|, kept for the settings that come to the same row after each other.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::merge {

class RankedRows {
 public:
  /// Longer rows are not kept: a run that settings share has no more elements.
  static constexpr std::uint64_t k_longest = 32768;

  /// Bytes that the rows of some models take, of keys of so many bytes. Pure.
  [[nodiscard]] static constexpr std::uint64_t memory(std::uint64_t row, std::uint64_t models, std::uint64_t key_size) noexcept {
    return row > k_longest ? 0 : k_longest * models * (key_size + sizeof(std::uint32_t));
  }

  /// Of each element how many have a lower key, or an equal one and come before it.
  /// @param model  of the tensor.  @param first  the row's first element.  @param ranks  set to one a key.
  void find(std::size_t model, std::uint64_t first, std::span<const std::uint32_t> keys, std::vector<std::uint32_t>& ranks) {
    find_in(narrow_, model, first, keys, ranks);
  }
  void find(std::size_t model, std::uint64_t first, std::span<const std::uint64_t> keys, std::vector<std::uint32_t>& ranks) {
    find_in(wide_, model, first, keys, ranks);
  }

 private:
  template <class Key>
  struct Row {
    std::vector<Key> keys;  // whose ranks these are: another tensor's row may have come to this place
    std::vector<std::uint32_t> ranks;
  };
  template <class Key>
  using Rows = std::vector<std::vector<Row<Key>>>;  // by model and place

  template <class Key>
  static void find_in(Rows<Key>& rows, std::size_t model, std::uint64_t first, std::span<const Key> keys,
                      std::vector<std::uint32_t>& ranks);

  Rows<std::uint32_t> narrow_;
  Rows<std::uint64_t> wide_;
};

}  // namespace dare::merge
