#pragma once
/// Safetensors files written byte by byte, right or wrong.

#include <dare/core/file.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace dare::test {

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string file_text(const std::filesystem::path& path) {
  return read_text(path);
}

/// 8 bytes of `length`, then `json`, then `data` bytes of 'd'.
inline std::string safetensors_with_length(std::uint64_t length, const std::string& json, std::size_t data) {
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + json + std::string(data, 'd');
}

inline std::string safetensors(const std::string& json, std::size_t data) {
  return safetensors_with_length(json.size(), json, data);
}

}  // namespace dare::test
