#pragma once
/// What must hold of every header that a parser accepts.

#include "checkpoint/backends.hpp"
#include "core/printable.hpp"
#include "target.hpp"

#include <algorithm>
#include <vector>

namespace dare::fuzz {

inline constexpr std::uint64_t k_most_read = 4096;

/// Names, sizes and places are sound, and the first and last elements of each tensor can be read.
inline void check_header(const checkpoint::Header& header, checkpoint::CheckpointReader& reader) {
  std::vector<std::byte> bytes;
  for (const auto& tensor : header.tensors) {
    require(is_utf8_without_nul(tensor.name), "a name is no UTF-8 text");
    require(checked_elements(tensor.shape) == tensor.elements, "elements are not the shape's");
    require(bytes_for(tensor.dtype, tensor.elements) == tensor.bytes, "bytes are not the elements'");
    require(tensor.bytes == 0 || tensor.offset < header.files[tensor.file].size, "a tensor begins outside the file");
    require(tensor.bytes <= header.files[tensor.file].size, "a tensor is larger than the file");
    if (info(tensor.dtype).bits % 8 != 0) continue;
    const auto n = std::min(tensor.elements, k_most_read);
    bytes.resize(*bytes_for(tensor.dtype, n));
    reader.read(tensor, 0, bytes);
    reader.read(tensor, tensor.elements - n, bytes);
  }
}

}  // namespace dare::fuzz
