#pragma once
/// Exact selection of the largest keys among elements that several ranks hold, by radix: 16 bits of the keys a round.

#include <dare/merge/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::merge {

/// What is to be selected.
struct Wanted {
  std::uint64_t rank = 0;       ///< the selection ends at the rank-th largest key, counted from 1
  std::uint64_t skip = 0;       ///< of these, so many of the largest are another selection's (which takes ties from their end)
  bool ties_from_end = false;   ///< of equal keys at the cut, the higher positions are taken, not the lower
  double share_of_nonzero = 0;  ///< where not 0: rank is floor(the number of keys that are not 0 times this)
};

/// One selection. Rounds: a histogram of 16 bits each; then, where not all keys that equal the cut's are taken, their number in each
/// aligned block of 65,536 positions, and at last the position itself within one block. The histogram of the last 16 bits notes the blocks
/// that its elements lie in, so the next round reads nothing, unless the notes became too many; the last one reads a single block.
class Selection {
 public:
  static constexpr std::size_t k_bins = 65536;
  static constexpr std::size_t k_notes = std::size_t{1} << 18U;

  /// @param bits       of a key: 32 or 64
  /// @param positions  keys have positions below this; not every position needs a key
  /// @param notes      how many notes are allowed
  Selection(unsigned bits, std::uint64_t positions, const Wanted& wanted, std::size_t notes = k_notes);

  /// One that is known without looking.
  explicit Selection(const Cut& cut) : stage_{Stage::done}, cut_{cut} {}

  [[nodiscard]] bool done() const noexcept { return stage_ == Stage::done; }
  /// Where the selection ends; tie_end is a position. @pre done()
  [[nodiscard]] const Cut& cut() const noexcept { return cut_; }

  /// Numbers that are to be added over ranks this round.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Starts a round. @param sums  size() zeros, which stay the caller's
  void begin(std::span<std::int64_t> sums);
  [[nodiscard]] bool wants(std::uint64_t first, std::uint64_t n) const noexcept;
  [[nodiscard]] bool wants_any() const noexcept;
  /// Whether this round counts the same of any keys whatever is wanted: selections among the same keys may have one span of sums, which one
  /// of them is fed for.
  [[nodiscard]] bool counts_all() const noexcept { return stage_ == Stage::histogram && first_round_; }
  /// Keys at positions first, first + 1, ...; ascending within an aligned block of 65,536.
  void feed(std::uint64_t first, std::span<const std::uint64_t> keys);
  /// All that this rank has is fed. May be called twice.
  void end();
  /// Goes on, the sums over all ranks being in begin()'s span.
  void advance();

 private:
  enum class Stage : std::uint8_t { histogram, blocks, position, done };
  struct Note {
    std::uint64_t block;
    std::uint32_t count;
    std::uint16_t low;
  };

  [[nodiscard]] bool last_round() const noexcept { return shift_ == 0; }
  void count(std::uint64_t first, std::span<const std::uint64_t> keys);
  void note(std::uint64_t position, std::uint16_t low);
  void flush_block();
  void narrow();
  void settle_ties(std::uint64_t equal);
  void find_block();

  Stage stage_ = Stage::histogram;
  unsigned shift_ = 0;  // the 16 bits above it are looked at
  bool first_round_ = true;
  std::uint64_t positions_ = 0;
  Wanted wanted_;
  std::size_t allowed_notes_ = 0;
  std::uint64_t prefix_ = 0;  // of the keys at the cut: the bits above those that are looked at
  std::uint64_t above_ = 0;   // keys above the prefix
  std::span<std::int64_t> sums_;
  std::vector<Note> notes_;
  std::uint64_t block_ = k_all_elements;  // the one that open_ is of
  std::vector<std::uint16_t> open_;       // last 16 bits of the block's keys that share the prefix
  bool overflowed_ = false;               // of this rank; after the round: of any
  std::uint64_t ties_ = 0;                // keys equal to the cut's that come before the position looked for
  Cut cut_;
};

}  // namespace dare::merge
