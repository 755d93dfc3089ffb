#pragma once
/// Datasets stored in chunks: each chunk is fetched as it is stored and unpacked here.

#include "checkpoint/boxes.hpp"
#include "checkpoint/h5_filters.hpp"

#include <deque>
#include <span>
#include <unordered_map>

namespace dare::checkpoint::hdf5 {

/// How a dataset's chunks are laid out and packed.
struct ChunkLayout {
  Shape extents;             ///< of a chunk
  std::size_t bytes = 0;     ///< of a chunk
  bool bare_at_end = false;  ///< chunks that reach behind the dataset's extents have no filters on them
  std::vector<Filter> filters;
};

/// The layout of a dataset with that creation list. @param item  bytes of an element.
/// @throws InputError  chunks too large to be held, or filters that are not read here.
[[nodiscard]] ChunkLayout chunk_layout(const std::filesystem::path& file, const std::string& name, hid_t creation, std::size_t item);

/// Reads boxes of one open dataset; keeps the chunks that it unpacked last, at most 32 MiB of them or one.
class ChunkReader {
 public:
  /// @param dataset  stays open and another's.  @param type  of its elements in the file.
  ChunkReader(const std::filesystem::path& file, std::string name, hid_t dataset, hid_t type, Shape extents);

  /// Fills `out` with the box's elements in order, as stored; what was never written has the dataset's fill value. Local.
  /// @throws InputError  a chunk is damaged or has another size.
  void read(const Box& box, std::span<std::byte> out);

 private:
  using Bytes = std::vector<std::byte>;

  [[nodiscard]] const Bytes& chunk_at(const Shape& position);
  [[nodiscard]] Bytes load(const Shape& start) const;
  [[nodiscard]] std::uint64_t stored_bytes(const Shape& start) const;
  [[nodiscard]] Bytes filled() const;
  void copy(const Bytes& chunk, const Shape& position, const Box& box, std::span<std::byte> out) const;

  std::filesystem::path file_;
  std::string name_;
  hid_t dataset_;
  std::size_t item_;
  Shape extents_;
  ChunkLayout layout_;
  Bytes fill_value_;  // one element; empty for zeros
  std::unordered_map<std::uint64_t, Bytes> kept_;
  std::deque<std::uint64_t> order_;  // of kept_, oldest first
};

}  // namespace dare::checkpoint::hdf5
