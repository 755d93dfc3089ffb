#pragma once
/// The header of one safetensors file, checked by all rules of the format.

#include <dare/checkpoint/header.hpp>
#include <dare/core/file.hpp>

namespace dare::checkpoint::safetensors {

struct FileHeader {
  InputFile file;
  std::vector<TensorInfo> tensors;  ///< by offset
  std::string metadata;             ///< JSON text; empty for none
  std::vector<std::byte> raw;       ///< 8 bytes of length, then JSON
};

/// @throws InputError  naming the file, the tensor, what was found and what was expected.
[[nodiscard]] FileHeader parse_file(const std::filesystem::path& path, std::string name);

}  // namespace dare::checkpoint::safetensors
