#pragma once
/// Who works on which blocks, and in which portions.

#include <dare/plan/grid.hpp>

#include <cstdint>
#include <vector>

namespace dare::plan {

/// Ascending, disjoint runs of blocks.
using Share = std::vector<BlockRange>;

[[nodiscard]] std::uint64_t blocks_in(const Share& share) noexcept;
/// Bytes that the blocks of a share read and write.
[[nodiscard]] std::uint64_t bytes_in(const Grid& grid, const Share& share);

/// Those of them that are written.
[[nodiscard]] std::uint64_t bytes_written_in(const Grid& grid, const Share& share);

/// The blocks of `grid` not in `done` (ascending numbers). All of them for an empty `done`.
[[nodiscard]] Share remaining(const Grid& grid, const std::vector<std::uint64_t>& done);

/// Splits `todo` into one share a rank: consecutive blocks to consecutive ranks, cut where the bytes moved come nearest to equal parts,
/// so that no rank has more than the mean and one block.
[[nodiscard]] std::vector<Share> partition(const Grid& grid, const Share& todo, int ranks);

/// Cuts a share into slices: runs of blocks that move at most `slice_bytes`, or one block.
[[nodiscard]] std::vector<Share> slices(const Grid& grid, const Share& share, std::uint64_t slice_bytes);

/// A part of a block that stays in cache: the unit of reading, merging, sending and writing.
struct Tile {
  std::uint64_t block = 0;  ///< number in the grid
  std::uint32_t tensor = 0;
  std::uint64_t first = 0;  ///< flat index of its first element in the tensor
  std::uint64_t elements = 0;
  bool ends_block = false;
};

/// Walks the tiles of a share in order.
class TileCursor {
 public:
  /// @param tile_elements  a power of two, at most k_block_elements. Both references must outlive the cursor.
  TileCursor(const Grid& grid, const Share& share, std::uint64_t tile_elements);
  [[nodiscard]] bool done() const noexcept { return range_ == share_->size(); }
  /// The next tile. @pre !done()
  Tile next();

 private:
  void enter_block();

  const Grid* grid_;
  const Share* share_;
  std::uint64_t tile_elements_;
  std::size_t range_ = 0;
  std::uint64_t block_number_ = 0;
  Block block_;
  std::uint64_t offset_ = 0;  // elements of block_ handed out
};

}  // namespace dare::plan
