// The index of a sharded folder.
#include "checkpoint/folder.hpp"
#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  return fuzz::read_or_refuse([&] {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    for (const auto& [tensor, shard] : checkpoint::folder::parse_index("model.safetensors.index.json", text)) {
      fuzz::require(std::filesystem::path{shard}.filename() == shard, "a shard is no plain name");
      fuzz::require(std::string{shard.c_str()} == shard, "a shard's name holds a NUL");
    }
  });
}
