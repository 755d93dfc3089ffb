// The lines of a config.json that follow the output.
#include "target.hpp"

#include <dare/checkpoint/config_json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  return fuzz::read_or_refuse([&] {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto typed = checkpoint::with_torch_dtype(text, Dtype::bf16);
    fuzz::require(checkpoint::with_torch_dtype(typed, Dtype::bf16) == typed, "the type is not the same the second time");
    fuzz::require(checkpoint::with_vocab_size(text, {}) == text, "a size changes that none was given for");
    fuzz::require(checkpoint::with_vocab_size(text, {{50, 50}, {7, 7}}).size() <= size, "an equal size made the text longer");
  });
}
