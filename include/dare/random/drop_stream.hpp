#pragma once
/// The drop mask of stream version 1: one 32-bit uniform for every (seed, stream, tensor name, element).

#include <dare/random/philox.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dare::random {

/// Recorded in every manifest; a change of any drawn bit changes it.
inline constexpr unsigned k_stream_version = 1;

/// floor(p * 2^32 + 0.5): an element is dropped iff its uniform is below. @pre 0 <= p <= 1
[[nodiscard]] std::uint64_t drop_threshold(double p) noexcept;
/// The threshold of p = 1, above every uniform.
inline constexpr std::uint64_t k_drops_all = std::uint64_t{1} << 32U;

/// The uniforms of one tensor in one stream. A value; Local; any number of threads may use one.
class DropStream {
 public:
  /// @param name  the base's tensor name, its exact UTF-8 bytes.
  DropStream(std::uint64_t seed, std::uint64_t stream, std::string_view name) noexcept;

  [[nodiscard]] std::uint64_t key64() const noexcept { return key64_; }
  [[nodiscard]] std::uint64_t name64() const noexcept { return name64_; }

  /// The whole uniform of element `e`.
  [[nodiscard]] std::uint32_t uniform(std::uint64_t e) const noexcept;
  /// Low half of element e's uniform, wanted only where the high half ties with the threshold's.
  [[nodiscard]] std::uint16_t refinement(std::uint64_t e) const noexcept;
  /// uniform(e) < threshold.
  [[nodiscard]] bool dropped(std::uint64_t e, std::uint64_t threshold) const noexcept { return uniform(e) < threshold; }

  /// High halves of elements first, first + 1, ... in order; any `first`, any length. Vectorised.
  void high_halves(std::uint64_t first, std::span<std::uint16_t> out) const;

  /// The same in the caller's room, without a copy. @return n draws; k_beyond more past them may be read, and mean nothing.
  /// @pre room.size() >= room_for(n)
  [[nodiscard]] std::span<std::uint16_t> high_halves(std::uint64_t first, std::size_t n, std::span<std::uint16_t> room) const;

  /// Settles the ties of `high` (as high_halves gave them for `first`) against a threshold below 2^32: afterwards
  /// element first + i is dropped iff high[i] < the returned limit. About one element in 65,536 is touched.
  [[nodiscard]] std::uint16_t settle(std::uint64_t first, std::uint64_t threshold, std::span<std::uint16_t> high) const;

  /// Draws of `n` elements, settled: element first + i is dropped iff draws[i] < limit.
  struct Settled {
    const std::uint16_t* draws = nullptr;  ///< the caller's; k_beyond draws past the n-th may be read, and mean nothing
    std::uint16_t limit = 0;
  };
  static constexpr std::size_t k_beyond = 64;
  /// The room that settled() wants for `n` elements.
  [[nodiscard]] static constexpr std::size_t room_for(std::size_t n) noexcept { return (n + 7 + k_beyond + 255) / 256 * 256; }
  /// high_halves() and settle() at once, without a copy. @pre threshold < 2^32, room.size() >= room_for(n)
  [[nodiscard]] Settled settled(std::uint64_t first, std::size_t n, std::uint64_t threshold, std::span<std::uint16_t> room) const;
  /// The same from draws that stay as they are, for another threshold to be settled from: what high_halves() left in its room. The result
  /// is `high` itself but where a tie has to be settled; then it is in `room`.
  [[nodiscard]] Settled settled(std::uint64_t first, std::span<const std::uint16_t> high, std::uint64_t threshold,
                                std::span<std::uint16_t> room) const;

 private:
  std::uint64_t key64_;
  std::uint64_t name64_;
};

}  // namespace dare::random
