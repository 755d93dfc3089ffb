#pragma once
/// The elements of one tensor that DARE keeps.

#include <dare/checkpoint/header.hpp>
#include <dare/random/drop_stream.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace dare::checkpoint {

class KeptMask {
 public:
  static constexpr std::size_t k_strip = 4096;  // elements; their draws stay in the first-level cache

  KeptMask(const DeltaMask& mask, std::string_view tensor);

  /// How many of elements [first, first + n) are kept.
  [[nodiscard]] std::uint64_t count(std::uint64_t first, std::uint64_t n);

  /// Calls `visit(i)` for each kept element first + i, ascending.
  template <class Visit>
  void each(std::uint64_t first, std::uint64_t n, Visit&& visit) {
    for (std::uint64_t done = 0; done < n; done += k_strip) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(k_strip, n - done));
      const auto limit = draw(first + done, size);
      for (std::size_t i = 0; i < size; ++i) {
        if (draws_[i] >= limit) visit(done + i);
      }
    }
  }

 private:
  /// Draws of `n` elements; those below the returned limit are dropped.
  [[nodiscard]] std::uint32_t draw(std::uint64_t first, std::size_t n);

  random::DropStream stream_;
  std::uint64_t threshold_;
  std::array<std::uint16_t, k_strip> draws_{};
};

}  // namespace dare::checkpoint
