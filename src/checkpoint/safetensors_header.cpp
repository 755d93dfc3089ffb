#include "checkpoint/backends.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/safetensors_parse.hpp"

#include <dare/core/file.hpp>

namespace dare::checkpoint::safetensors {

namespace fs = std::filesystem;

folder::Form form() {
  return {Format::safetensors, std::string{k_safetensors_index}, std::string{k_safetensors_file},
          [](const fs::path& path, std::string name) -> FileHeader { return parse_file(path, std::move(name)); }};
}

// The shards' own headers, then the index: with them a folder can be written again byte for byte.
std::vector<SourceHeader> read_source_headers(const Header& header) {
  std::vector<SourceHeader> headers;
  for (const auto& file : header.files) {
    const auto opened = File::open_read(file.path);
    headers.push_back({file.name, read_raw(file.path, opened, opened.size())});
  }
  if (header.folder.empty()) return headers;
  if (const auto index = header.folder / k_safetensors_index; fs::exists(index)) {
    const auto text = read_text(index);
    const auto raw = std::as_bytes(std::span{text});
    headers.push_back({std::string{k_safetensors_index}, {raw.begin(), raw.end()}});
  }
  return headers;
}

}  // namespace dare::checkpoint::safetensors
