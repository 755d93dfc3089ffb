#pragma once
/// The filters of HDF5's chunks, taken off here: HDF5's own trust a compressed chunk to unpack to its size, and so read behind a short one
/// or unpack without end.

#include "checkpoint/h5_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dare::checkpoint::hdf5 {

enum class FilterKind : std::uint8_t { shuffle, deflate, fletcher32 };

/// One filter of a dataset's chunks.
struct Filter {
  FilterKind kind;
  std::size_t element = 1;  ///< shuffle: bytes of one element
};

/// Those of a dataset's creation list, in the order in which they are put on. @throws InputError  one that is not read here.
[[nodiscard]] std::vector<Filter> filters_of(const std::filesystem::path& file, const std::string& name, hid_t creation);

/// The most bytes that a chunk of `bytes` may take in a file: no compressor makes it larger than this.
[[nodiscard]] constexpr std::uint64_t most_stored(std::uint64_t bytes) {
  return 2 * bytes + 4'096;
}

/// A chunk as it was before the filters. Pure.
/// @param skipped  bit i: filter i was not put on this chunk.
/// @param bytes    of the chunk; nothing else is returned, and no more memory is taken, whatever `stored` unpacks to.
/// @throws InputError  `stored` is damaged or has another size; the text is the reason alone.
[[nodiscard]] std::vector<std::byte> unfilter(const std::vector<Filter>& filters, std::uint32_t skipped, std::vector<std::byte> stored,
                                              std::size_t bytes);

}  // namespace dare::checkpoint::hdf5
