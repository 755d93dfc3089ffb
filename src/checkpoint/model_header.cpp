#include <dare/checkpoint/model_header.hpp>

#include <dare/checkpoint/delta.hpp>
#include <dare/checkpoint/lora.hpp>

#include <utility>

namespace dare::checkpoint {

Header read_model_header(const std::filesystem::path& path) {
  if (is_lora_adapter(path)) return read_lora_header(path);
  auto header = read_header(path);
  if (!is_delta(header)) return header;
  return unpacked(std::move(header));
}

}  // namespace dare::checkpoint
