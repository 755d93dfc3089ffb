#include "checkpoint/backends.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/h5_attributes.hpp"
#include "checkpoint/hdf5_read.hpp"
#include "checkpoint/hdf5_schema.hpp"
#include "checkpoint/safetensors_parse.hpp"
#include "checkpoint/stand_in.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace dare::checkpoint::hdf5 {
namespace {

// The signature is at the file's begin, or behind a user block of 512 bytes or a power of two times that.
void check_signature(const std::filesystem::path& path, const File& file, std::uint64_t size) {
  constexpr std::array<unsigned char, 8> signature{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  std::array<unsigned char, 8> found{};
  for (std::uint64_t at = 0; at + found.size() <= size; at = at == 0 ? 512 : 2 * at) {
    file.read_at(at, std::as_writable_bytes(std::span{found}));
    if (found == signature) return;
  }
  if (size >= found.size()) file.read_at(0, std::as_writable_bytes(std::span{found}));
  if (size >= found.size() && std::memcmp(found.data(), "PK\3\4", 4) == 0)
    throw InputError{fmt::format("{}: a zip archive, not HDF5; unpack it and give the .h5 file in it", path.string())};
  refuse_stand_in(path);
  throw InputError{fmt::format("{}: no HDF5 file: its signature is not there ({} bytes); fetch the file again", path.string(), size)};
}

Hash128 hash_of(const std::vector<TensorInfo>& tensors) {
  Hasher128 hasher;
  const auto number = [&](std::uint64_t value) { hasher.update(std::as_bytes(std::span{&value, 1})); };
  const auto text = [&](std::string_view value) {
    number(value.size());
    hasher.update(std::as_bytes(std::span{value.data(), value.size()}));
  };
  for (const auto& tensor : tensors) {
    text(tensor.name);
    text(name(tensor.dtype));
    text(to_string(tensor.shape));
    number(tensor.offset);
  }
  return hasher.digest();
}

// They become files of a folder again.
bool is_source_name(std::string_view name) {
  return name == k_safetensors_index || (name.ends_with(".safetensors") && !name.starts_with('.'));
}

// The index is written again as it is: it must be that of the shards.
void check_index(const std::filesystem::path& path, const std::vector<SourceHeader>& sources,
                 const std::vector<safetensors::SourceShard>& shards) {
  const auto index = std::find_if(sources.begin(), sources.end(), [](const auto& source) { return source.file == k_safetensors_index; });
  if (index == sources.end()) return;
  const auto where = path / index->file;
  const auto shard_of = folder::parse_index(where, {reinterpret_cast<const char*>(index->bytes.data()), index->bytes.size()});
  std::size_t tensors = 0;
  for (const auto& shard : shards) {
    for (const auto& tensor : shard.tensors) {
      const auto listed = shard_of.find(tensor.name);
      if (listed == shard_of.end() || listed->second != shard.source->file) {
        throw InputError{fmt::format("{}: tensor \"{}\": the index places it in {}, it is in {}; fetch the file again", where.string(),
                                     tensor.name, listed == shard_of.end() ? "no shard" : listed->second, shard.source->file)};
      }
      ++tensors;
    }
  }
  if (tensors != shard_of.size() || shards.empty())
    throw InputError{fmt::format("{}: the index lists {} tensors, the headers beside it {}; fetch the file again", where.string(),
                                 shard_of.size(), tensors)};
}

}  // namespace

Header read_header(const std::filesystem::path& path) {
  Header header;
  header.format = Format::hdf5;
  header.root = path;
  {
    const auto file = File::open_read(path);
    const auto size = file.size();
    check_signature(path, file, size);
    header.files.push_back({path, path.filename().string(), size, {}});
  }
  try {
    const auto h5 = open_serial(path);
    if (get_text(h5.get(), "format", {path, "read attribute", "format"}) == k_format) {
      read_own(h5.get(), header);
    } else {
      read_foreign(h5.get(), header);
    }
  } catch (const Hdf5Error& error) { throw InputError{fmt::format("{}; the file is damaged or incomplete: fetch it again", error.what())}; }
  header.files.front().header_hash = hash_of(header.tensors);
  return header;
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  const auto& path = header.files.front().path;
  return read_bytes(path, open_serial(path).get(), "files/" + name);
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  const auto& path = header.files.front().path;
  const auto h5 = open_serial(path);
  std::vector<SourceHeader> sources;
  std::uint64_t stored = 0;
  // A foreign file may have a group of this name.
  if (get_text(h5.get(), "format", {path, "read attribute", "format"}) != k_format) return sources;
  for (const auto& name : names_in(path, h5.get(), "source")) {
    if (!is_source_name(name))
      throw InputError{
          fmt::format("{}: \"source/{}\" is no name of a safetensors file or index; fetch the file again", path.string(), name)};
    stored += count_bytes(path, h5.get(), "source/" + name).stored;
    require_within_file(header, "source", stored);
    auto bytes = read_bytes(path, h5.get(), "source/" + name);
    if (bytes.empty()) return {};  // a view of some of the files' tensors, or under other names
    sources.push_back({name, std::move(bytes)});
  }
  check_index(path, sources, safetensors::source_shards(path, sources, header.tensors));
  return sources;
}

}  // namespace dare::checkpoint::hdf5
