#include <dare/plan/partition.hpp>

#include <algorithm>
#include <cassert>

namespace dare::plan {
namespace {

// Where the bytes moved by `todo` before a position reach `wanted`, to the nearest block: a range of todo and a block in it.
struct Position {
  std::size_t range;
  std::uint64_t block;
};

Position position_at(const Grid& grid, const Share& todo, const std::vector<std::uint64_t>& bytes_before_range, std::uint64_t wanted) {
  const auto after = std::upper_bound(bytes_before_range.begin(), bytes_before_range.end(), wanted);
  const auto range = static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - bytes_before_range.begin() - 1, 0));
  if (range >= todo.size()) return {todo.size(), 0};
  const auto in_range = wanted - bytes_before_range[range];
  const auto start = grid.bytes_before(todo[range].first);
  auto low = todo[range].first;  // the last block that begins at or before the wanted byte
  auto high = todo[range].last;
  while (high - low > 1) {
    const auto middle = low + (high - low) / 2;
    (grid.bytes_before(middle) - start <= in_range ? low : high) = middle;
  }
  const auto before = in_range - (grid.bytes_before(low) - start);
  const auto size = grid.bytes_before(low + 1) - grid.bytes_before(low);
  const auto nearest = before * 2 > size ? low + 1 : low;
  return nearest == todo[range].last ? Position{range + 1, 0} : Position{range, nearest};
}

// todo from one position to another.
Share between(const Share& todo, const Position& from, const Position& to) {
  Share share;
  for (auto range = from.range; range < todo.size() && range <= to.range; ++range) {
    const auto first = range == from.range ? std::max(from.block, todo[range].first) : todo[range].first;
    const auto last = range == to.range ? std::max(to.block, todo[range].first) : todo[range].last;
    if (first < last) share.push_back({first, last});
  }
  return share;
}

}  // namespace

std::uint64_t blocks_in(const Share& share) noexcept {
  std::uint64_t blocks = 0;
  for (const auto& range : share) blocks += range.last - range.first;
  return blocks;
}

std::uint64_t bytes_in(const Grid& grid, const Share& share) {
  std::uint64_t bytes = 0;
  for (const auto& range : share) bytes += grid.bytes_before(range.last) - grid.bytes_before(range.first);
  return bytes;
}

std::uint64_t bytes_written_in(const Grid& grid, const Share& share) {
  std::uint64_t bytes = 0;
  for (const auto& range : share) bytes += grid.bytes_written_before(range.last) - grid.bytes_written_before(range.first);
  return bytes;
}

Share remaining(const Grid& grid, const std::vector<std::uint64_t>& done) {
  Share todo;
  std::uint64_t next = 0;
  for (const auto block : done) {
    if (block > next) todo.push_back({next, block});
    next = block + 1;
  }
  if (next < grid.blocks()) todo.push_back({next, grid.blocks()});
  return todo;
}

std::vector<Share> partition(const Grid& grid, const Share& todo, int ranks) {
  std::vector<std::uint64_t> bytes_before_range;
  std::uint64_t total = 0;
  for (const auto& range : todo) {
    bytes_before_range.push_back(total);
    total += grid.bytes_before(range.last) - grid.bytes_before(range.first);
  }
  std::vector<Share> shares;
  Position from{0, 0};
  for (int rank = 0; rank < ranks; ++rank) {
    // total * (rank + 1) overflows 64 bits only beyond 2^51 bytes on 4,096 ranks; 128 bits leave no doubt.
    const auto wanted =
        static_cast<std::uint64_t>(static_cast<unsigned __int128>(total) * static_cast<unsigned>(rank + 1) / static_cast<unsigned>(ranks));
    const auto to = rank + 1 == ranks ? Position{todo.size(), 0} : position_at(grid, todo, bytes_before_range, wanted);
    shares.push_back(between(todo, from, to));
    from = to;
  }
  return shares;
}

std::vector<Share> slices(const Grid& grid, const Share& share, std::uint64_t slice_bytes) {
  std::vector<Share> result;
  std::uint64_t bytes = 0;
  for (const auto& range : share) {
    for (auto block = range.first; block < range.last; ++block) {
      const auto size = grid.bytes_before(block + 1) - grid.bytes_before(block);
      if (result.empty() || bytes + size > slice_bytes) {
        result.push_back({{block, block}});
        bytes = 0;
      } else if (result.back().back().last != block) {
        result.back().push_back({block, block});
      }
      ++result.back().back().last;
      bytes += size;
    }
  }
  return result;
}

TileCursor::TileCursor(const Grid& grid, const Share& share, std::uint64_t tile_elements)
    : grid_{&grid}, share_{&share}, tile_elements_{tile_elements} {
  assert(tile_elements > 0 && k_block_elements % tile_elements == 0);
  if (!done()) {
    block_number_ = share.front().first;
    enter_block();
  }
}

void TileCursor::enter_block() {
  block_ = grid_->block(block_number_);
  offset_ = 0;
}

Tile TileCursor::next() {
  assert(!done());
  const auto elements = std::min(tile_elements_, block_.elements - offset_);
  Tile tile{block_number_, block_.tensor, block_.first + offset_, elements, offset_ + elements == block_.elements};
  offset_ += elements;
  if (tile.ends_block) {
    if (++block_number_ == (*share_)[range_].last && ++range_ < share_->size()) block_number_ = (*share_)[range_].first;
    if (!done()) enter_block();
  }
  return tile;
}

}  // namespace dare::plan
