#include "checkpoint/backends.hpp"
#include "checkpoint/safetensors_parse.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace dare::checkpoint::safetensors {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_largest_side_file = 256'000'000;

// What stands beside the weights and belongs to the model: all but other forms of weights and their indices.
bool is_side_file(const fs::directory_entry& entry) {
  static const std::set<std::string> weights{".safetensors", ".bin", ".pt", ".pth", ".h5", ".gguf", ".msgpack", ".onnx"};
  const auto name = entry.path().filename().string();
  return entry.is_regular_file() && !name.starts_with('.') && !name.ends_with(".index.json") &&
         !weights.contains(entry.path().extension()) && name != "dare-manifest.json" && entry.file_size() <= k_largest_side_file;
}

// Tensor to shard, as the index says; shards in the order of their names.
std::map<std::string, std::string> read_index(const fs::path& folder) {
  const auto path = folder / k_index;
  std::map<std::string, std::string> shard_of;
  try {
    const auto json = nlohmann::json::parse(read_text(path));
    for (const auto& [tensor, shard] : json.at("weight_map").items()) {
      const auto name = shard.get<std::string>();
      if (name.empty() || name.find('/') != std::string::npos || name == "..") {
        throw InputError{fmt::format("{}: tensor \"{}\": shard \"{}\" is no file of this folder", path.string(), tensor, name)};
      }
      shard_of[tensor] = name;
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError{fmt::format("{}: no valid index ({}); fetch the file again", path.string(), error.what())};
  }
  return shard_of;
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  const auto text = read_text(path);
  const auto raw = std::as_bytes(std::span{text});
  return {raw.begin(), raw.end()};
}

void append(Header& header, FileHeader&& part) {
  const auto number = static_cast<std::uint32_t>(header.files.size());
  header.files.push_back(std::move(part.file));
  if (header.metadata.empty()) header.metadata = std::move(part.metadata);
  for (auto& tensor : part.tensors) {
    tensor.file = number;
    header.tensors.push_back(std::move(tensor));
  }
}

void read_shards(const fs::path& folder, Header& header) {
  const auto shard_of = read_index(folder);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  for (const auto& shard : shards) {
    if (!fs::exists(folder / shard))
      throw InputError{fmt::format("{}: the index names this shard, it is not there; fetch it", (folder / shard).string())};
    append(header, parse_file(folder / shard, shard));
  }
  std::set<std::string> seen;
  for (const auto& tensor : header.tensors) {
    const auto& file = header.files[tensor.file];
    const auto listed = shard_of.find(tensor.name);
    if (!seen.insert(tensor.name).second)
      throw InputError{fmt::format("{}: tensor \"{}\" is in another shard too; fetch the model again", file.path.string(), tensor.name)};
    if (listed == shard_of.end() || listed->second != file.name) {
      throw InputError{fmt::format("{}: tensor \"{}\": the index places it in {}; fetch the model again", file.path.string(), tensor.name,
                                   listed == shard_of.end() ? "no shard" : listed->second)};
    }
  }
  for (const auto& [tensor, shard] : shard_of) {
    if (!seen.contains(tensor))
      throw InputError{fmt::format("{}: tensor \"{}\" is listed in the index and not in the file; fetch the model again",
                                   (folder / shard).string(), tensor)};
  }
}

}  // namespace

Header read_file_header(const fs::path& file) {
  Header header;
  header.format = Format::safetensors;
  header.root = file;
  append(header, parse_file(file, file.filename().string()));
  return header;
}

Header read_folder_header(const fs::path& folder) {
  Header header;
  header.format = Format::safetensors;
  header.root = folder;
  if (fs::exists(folder / k_index)) {
    read_shards(folder, header);
  } else if (fs::exists(folder / "model.safetensors")) {
    append(header, parse_file(folder / "model.safetensors", "model.safetensors"));
  } else {
    throw InputError{
        fmt::format("{}: neither {} nor model.safetensors is in this folder; give a Hugging Face model folder", folder.string(), k_index)};
  }
  for (const auto& entry : fs::directory_iterator{folder}) {
    if (is_side_file(entry)) header.side_files.push_back(entry.path().filename().string());
  }
  std::sort(header.side_files.begin(), header.side_files.end());
  return header;
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  return read_bytes(header.root / name);
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  std::vector<SourceHeader> headers;
  for (const auto& file : header.files) {
    const auto opened = File::open_read(file.path);
    headers.push_back({file.name, read_raw(file.path, opened, opened.size())});
  }
  if (fs::is_directory(header.root) && fs::exists(header.root / k_index)) {
    headers.push_back({k_index, read_bytes(header.root / k_index)});
  }
  return headers;
}

}  // namespace dare::checkpoint::safetensors
