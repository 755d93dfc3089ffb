#pragma once
/// Draws that several settings of a tensor take one after another: masks nest in the drop rate, so points of a sweep share them.

#include <dare/merge/tensor_merger.hpp>
#include <dare/random/drop_stream.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::merge {

/// Keeps what was drawn last for some strips of elements. Not for two threads at once.
class DrawCache {
 public:
  static constexpr std::size_t k_strip = 1024;  ///< elements
  /// Strips that are kept, of consecutive elements: their draws and inputs fit the second-level cache.
  static constexpr std::size_t k_strips = TensorMerger::k_shared_run / k_strip;

  /// High halves of elements [first, first + n), DropStream::k_beyond more draws being readable. Valid until the next call.
  /// @param place  model of the tensor: each has strips of its own.  @pre n <= k_strip
  [[nodiscard]] std::span<const std::uint16_t> high_halves(std::size_t place, const random::DropStream& stream, std::uint64_t first,
                                                           std::size_t n) {
    while (strips_.size() <= place) strips_.emplace_back(k_strips);
    auto& strip = strips_[place][first / k_strip % k_strips];
    const bool there = strip.draws.size() == n && strip.first == first && strip.key64 == stream.key64() && strip.name64 == stream.name64();
    if (there) return strip.draws;
    strip.key64 = stream.key64();
    strip.name64 = stream.name64();
    strip.first = first;
    strip.draws = stream.high_halves(first, n, strip.room);
    return strip.draws;
  }

 private:
  struct Strip {
    std::uint64_t key64 = 0;
    std::uint64_t name64 = 0;
    std::uint64_t first = 0;
    std::span<std::uint16_t> draws;
    alignas(64) std::array<std::uint16_t, random::DropStream::room_for(k_strip)> room;
  };
  std::vector<std::vector<Strip>> strips_;  // by place
};

}  // namespace dare::merge
