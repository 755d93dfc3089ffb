#include "checkpoint/side_files.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dare::checkpoint {
namespace {

constexpr std::uint64_t k_most_side_bytes = std::uint64_t{4} << 30U;
constexpr std::array<std::string_view, 11> k_endings_of_weights{".safetensors", ".bin",  ".pt",      ".pth",  ".h5",        ".hdf5",
                                                                ".keras",       ".gguf", ".msgpack", ".onnx", ".index.json"};

}  // namespace

bool is_side_file_name(std::string_view name) {
  if (name.empty() || name.front() == '.' || name == "dare-manifest.json") return false;
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) return false;
  return std::none_of(k_endings_of_weights.begin(), k_endings_of_weights.end(), [&](auto ending) { return name.ends_with(ending); });
}

void require_side_total(const std::filesystem::path& checkpoint, std::uint64_t bytes) {
  if (bytes <= k_most_side_bytes) return;
  throw InputError{fmt::format("{}: the files beside the weights have {} bytes, at most {} are read; take out what is no part of the model",
                               checkpoint.string(), bytes, k_most_side_bytes)};
}

}  // namespace dare::checkpoint
