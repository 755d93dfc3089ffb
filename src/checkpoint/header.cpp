#include <dare/checkpoint/header.hpp>

#include "checkpoint/formats.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::checkpoint {

namespace fs = std::filesystem;

const TensorInfo* Header::find(std::string_view name) const {
  if (by_name_.size() != tensors.size()) {
    by_name_.clear();
    by_name_.reserve(tensors.size());
    for (std::size_t t = 0; t < tensors.size(); ++t) by_name_.emplace(tensors[t].name, t);
  }
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors[found->second];
}

std::uint64_t Header::total_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += tensor.bytes;
  return bytes;
}

Header read_header(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw InputError{fmt::format("{}: no such file or folder", path.string())};
  try {
    if (!fs::is_directory(status) && !fs::is_regular_file(status)) throw InputError{fmt::format("{}: no regular file", path.string())};
    if (is_lora_adapter(path))
      throw InputError{fmt::format("{}: a LoRA adapter; give it as a model, beside the base it belongs to", path.string())};
    return format_for(path, fs::is_directory(status)).read_header(path);
  } catch (const IoError& io) {
    throw InputError{io.what()};  // nothing has begun: what cannot be read is bad input
  } catch (const fs::filesystem_error& failure) { throw InputError{fmt::format("{}: {}", path.string(), failure.code().message())}; }
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  return row_of(header.format).read_side_file(header, name);
}

std::vector<SourceHeader> read_source_headers(const Header& header) {
  return row_of(header.format).read_source_headers(header);
}

}  // namespace dare::checkpoint
