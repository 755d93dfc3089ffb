#pragma once
/// The header of one safetensors file, checked by all rules of the format.

#include "checkpoint/file_header.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>

#include <optional>
#include <span>

namespace dare::checkpoint::safetensors {

constexpr std::uint64_t k_longest_header = 100'000'000;  ///< bytes of JSON; the format's own limit

struct RawFileHeader : FileHeader {
  std::vector<std::byte> raw;  ///< 8 bytes of length, then JSON
};

/// @throws InputError  naming the file, the tensor, what was found and what was expected.
[[nodiscard]] RawFileHeader parse_file(const std::filesystem::path& path, std::string name);

/// The same for a header in memory. @param path  for messages.  @param size  of the file; nothing where there is none to compare with.
[[nodiscard]] RawFileHeader parse_raw(const std::filesystem::path& path, std::vector<std::byte> raw, std::optional<std::uint64_t> size);

/// The first bytes of a file: length and JSON. @throws InputError  they are too many or not all there.
[[nodiscard]] std::vector<std::byte> read_raw(const std::filesystem::path& path, const File& file, std::uint64_t size);

/// The weight files behind `sources`, the index left out; each with the tensors that its header lists.
struct SourceShard {
  const SourceHeader* source = nullptr;
  std::vector<TensorInfo> tensors;
};
/// @throws InputError  a header breaks a rule, or all together list other tensors than `tensors` (name, dtype, shape, in this order).
template <class Tensors>
[[nodiscard]] std::vector<SourceShard> source_shards(const std::filesystem::path& path, const std::vector<SourceHeader>& sources,
                                                     const Tensors& tensors);

/// The shard that each of `spec`'s tensors came in, by its headers; empty names where there are none.
[[nodiscard]] std::vector<std::string> shard_names(const std::filesystem::path& path, const OutputSpec& spec);

// --- details ---

[[nodiscard]] std::vector<SourceShard> parse_sources(const std::filesystem::path& path, const std::vector<SourceHeader>& sources);
[[noreturn]] void refuse_sources(const std::filesystem::path& path, std::size_t tensor, const std::string& name);

template <class Tensors>
std::vector<SourceShard> source_shards(const std::filesystem::path& path, const std::vector<SourceHeader>& sources,
                                       const Tensors& tensors) {
  auto shards = parse_sources(path, sources);
  std::size_t next = 0;
  for (const auto& shard : shards) {
    for (const auto& listed : shard.tensors) {
      const bool same = next < tensors.size() && listed.name == tensors[next].name && listed.dtype == tensors[next].dtype &&
                        listed.shape == tensors[next].shape;
      if (!same) refuse_sources(path, next, listed.name);
      ++next;
    }
  }
  if (!shards.empty() && next != tensors.size()) refuse_sources(path, next, tensors[next].name);
  return shards;
}

}  // namespace dare::checkpoint::safetensors
