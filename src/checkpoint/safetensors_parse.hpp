#pragma once
/// The header of one safetensors file, checked by all rules of the format.

#include "checkpoint/file_header.hpp"

namespace dare::checkpoint::safetensors {

struct RawFileHeader : FileHeader {
  std::vector<std::byte> raw;  ///< 8 bytes of length, then JSON
};

/// @throws InputError  naming the file, the tensor, what was found and what was expected.
[[nodiscard]] RawFileHeader parse_file(const std::filesystem::path& path, std::string name);

}  // namespace dare::checkpoint::safetensors
