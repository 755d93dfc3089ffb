// A pickle and the state dict in it, without the archive around it (whose checksum no random change would pass).
#include "checkpoint/pytorch_state_dict.hpp"
#include "core/printable.hpp"
#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  namespace pickle = checkpoint::pickle;
  try {
    pickle::Input input{std::as_bytes(std::span{data, size})};
    pickle::Heap heap;
    checkpoint::pytorch::Objects objects;
    const auto root = pickle::run(input, objects, heap);
    for (const auto& [name, tensor] : checkpoint::pytorch::state_dict(heap, root, objects)) {
      fuzz::require(is_utf8_without_nul(name), "a name is no UTF-8 text");
      fuzz::require(tensor->storage < objects.storages().size(), "a tensor has no storage");
      fuzz::require(tensor->shape.size() == tensor->strides.size(), "extents and strides differ in number");
    }
  } catch (const pickle::Refusal& refusal) {
    fuzz::require(std::string_view{refusal.what()}.size() < 20'000, "its message is as long as a file");
  }
  return 0;
}
