// The adapter_config.json of a LoRA adapter.
#include "checkpoint/lora_config.hpp"
#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  return fuzz::read_or_refuse([&] {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto config = checkpoint::lora::parse_config("adapter_config.json", text);
    for (const auto* module : {"model.layers.10.self_attn.q_proj", "lm_head", ""}) {
      fuzz::require(config.rank_of(module) > 0, "a rank is 0");
      static_cast<void>(config.scale_of(module));
    }
  });
}
