#include "checkpoint/backends.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/safetensors_parse.hpp"
#include "checkpoint/tensor_name.hpp"
#include "core/json_text.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>

namespace dare::checkpoint::safetensors {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// One weight file to be: its header and the tensors in it.
struct Shard {
  std::string name;
  std::vector<std::byte> header;
  std::size_t first = 0;  // tensors [first, last)
  std::size_t last = 0;
  std::uint64_t data_bytes = 0;
};

// Entries one by one: an ordered JSON object looks through all its names for each new one.
std::vector<std::byte> header_of(const OutputSpec& spec, const Shard& shard) {
  const auto refuse = [](const std::string& what) { throw InputError{what + "; give an output that ends in .h5"}; };
  std::string text = "{";
  if (!spec.metadata.empty()) text += "\"__metadata__\":" + spec.metadata;
  std::uint64_t offset = 0;
  for (auto t = shard.first; t < shard.last; ++t) {
    const auto& tensor = spec.tensors[t];
    if (const auto problem = name_problem(tensor.name); !problem.empty())
      refuse(fmt::format("tensor \"{}\" cannot be in a safetensors file: {}", printable(tensor.name), problem));
    const auto end = offset + bytes_of(tensor);
    if (text.size() > 1) text += ',';
    text += Json(tensor.name).dump() + ":" +
            Json{{"dtype", name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}}.dump();
    offset = end;
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > k_longest_header) {
    refuse(fmt::format("a safetensors file's header of {} bytes for {} tensors, the format allows {}", text.size(),
                       shard.last - shard.first, k_longest_header));
  }
  const std::uint64_t length = text.size();
  std::vector<std::byte> raw(sizeof(length) + text.size());
  std::memcpy(raw.data(), &length, sizeof(length));
  std::memcpy(raw.data() + sizeof(length), text.data(), text.size());
  return raw;
}

std::vector<Shard> cut(OutputKind kind, const OutputSpec& spec) {
  std::vector<Shard> shards(1);
  for (std::size_t t = 0; t < spec.tensors.size(); ++t) {
    const auto bytes = bytes_of(spec.tensors[t]);
    if (kind == OutputKind::folder && shards.back().last > shards.back().first && shards.back().data_bytes + bytes > spec.shard_size) {
      shards.push_back({"", {}, t, t, 0});
    }
    ++shards.back().last;
    shards.back().data_bytes += bytes;
  }
  for (std::size_t s = 0; s < shards.size(); ++s) {
    if (kind == OutputKind::folder) {
      shards[s].name =
          shards.size() == 1 ? std::string{k_safetensors_file} : fmt::format("model-{:05}-of-{:05}.safetensors", s + 1, shards.size());
    }
    shards[s].header = header_of(spec, shards[s]);
  }
  return shards;
}

// The source's own files again: the same headers, and between them the tensors as they were cut.
std::vector<Shard> as_source(OutputKind kind, const fs::path& root, const OutputSpec& spec) {
  std::vector<Shard> shards;
  std::size_t next = 0;
  for (const auto& source : source_shards(root, spec.source_headers, spec.tensors)) {
    Shard shard{kind == OutputKind::folder ? source.source->file : "", source.source->bytes, next, next + source.tensors.size(), 0};
    for (const auto& tensor : source.tensors) shard.data_bytes += tensor.bytes;
    next = shard.last;
    shards.push_back(std::move(shard));
  }
  return shards;
}

const SourceHeader* source_index(const OutputSpec& spec) {
  for (const auto& source : spec.source_headers) {
    if (source.file == k_safetensors_index) return &source;
  }
  return nullptr;
}

std::vector<Shard> shards_of(OutputKind kind, const fs::path& root, const OutputSpec& spec) {
  const auto sources = spec.source_headers.size() - (source_index(spec) != nullptr ? 1 : 0);
  const bool again = sources > 0 && (kind == OutputKind::folder || sources == 1);
  auto shards = again ? as_source(kind, root, spec) : cut(kind, spec);
  // A folder's only file has a fixed name, whatever the source was called, unless an index names it.
  if (kind == OutputKind::folder && shards.size() == 1 && !(again && source_index(spec) != nullptr)) {
    shards.front().name = k_safetensors_file;
  }
  return shards;
}

OutputLayout layout_of(const OutputSpec& spec, const std::vector<Shard>& shards) {
  OutputLayout layout;
  for (const auto& shard : shards) {
    std::uint64_t offset = shard.header.size();
    for (auto t = shard.first; t < shard.last; ++t) {
      layout.tensors.push_back({static_cast<std::uint32_t>(layout.files.size()), offset});
      offset += bytes_of(spec.tensors[t]);
    }
    layout.files.push_back({shard.name, offset});
  }
  return layout;
}

void write_text(const fs::path& path, const std::string& text) {
  write_new_file(path, std::as_bytes(std::span{text}));
}

void write_index(const fs::path& folder, const OutputSpec& spec, const std::vector<Shard>& shards) {
  nlohmann::json map = nlohmann::json::object();
  std::uint64_t total = 0;
  for (const auto& shard : shards) {
    total += shard.data_bytes;
    for (auto t = shard.first; t < shard.last; ++t) map[spec.tensors[t].name] = shard.name;
  }
  const Json index{{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}};
  write_text(folder / k_safetensors_index, json_lines(index));
}

void write_shard(const fs::path& path, const Shard& shard) {
  auto file = File::create(path);
  file.write_at(0, shard.header);
  file.resize(shard.header.size() + shard.data_bytes);
  file.sync();
  file.close();
}

}  // namespace

OutputLayout plan(OutputKind kind, const OutputSpec& spec) {
  return layout_of(spec, shards_of(kind, "", spec));
}

OutputLayout create(const fs::path& root, OutputKind kind, const OutputSpec& spec) {
  const auto shards = shards_of(kind, root, spec);
  if (kind == OutputKind::safetensors_file) {
    write_shard(root, shards.front());
    return layout_of(spec, shards);
  }
  fs::create_directory(root);
  for (const auto& file : spec.side_files) write_new_file(root / file.name, file.bytes);
  for (const auto& shard : shards) write_shard(root / shard.name, shard);
  // The source's headers are written again or none is: so its index fits where it has one.
  if (const auto* index = source_index(spec)) {
    write_new_file(root / k_safetensors_index, index->bytes);
  } else if (shards.size() > 1) {
    write_index(root, spec, shards);
  }
  sync_folder(root);
  return layout_of(spec, shards);
}

}  // namespace dare::checkpoint::safetensors
