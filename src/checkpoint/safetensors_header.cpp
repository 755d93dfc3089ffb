#include "checkpoint/backends.hpp"
#include "checkpoint/safetensors_parse.hpp"

namespace dare::checkpoint::safetensors {

folder::Form form() {
  return {Format::safetensors, "model.safetensors.index.json", "model.safetensors",
          [](const std::filesystem::path& path, std::string name) -> FileHeader { return parse_file(path, std::move(name)); }};
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  std::vector<SourceHeader> headers;
  for (const auto& file : header.files) headers.push_back({file.name, parse_file(file.path, file.name).raw});
  return headers;
}

}  // namespace dare::checkpoint::safetensors
