// A delta checkpoint in a .safetensors file: what it says of itself, and its tensors as the model has them.
#include "check_header.hpp"
#include "checkpoint/delta_reader.hpp"

#include <dare/checkpoint/delta.hpp>

namespace {

using namespace dare;

// An unpacked tensor is larger than the file that has it: only its shape, size and readability are sound.
void check_unpacked(const checkpoint::Header& header) {
  const auto reader = checkpoint::unpacking(header, checkpoint::safetensors::open(header));
  std::vector<std::byte> bytes;
  for (const auto& tensor : header.tensors) {
    fuzz::require(checked_elements(tensor.shape) == tensor.elements, "elements are not the shape's");
    fuzz::require(bytes_for(tensor.dtype, tensor.elements) == tensor.bytes, "bytes are not the elements'");
    if (info(tensor.dtype).bits % 8 != 0) continue;
    const auto n = std::min(tensor.elements, fuzz::k_most_read);
    bytes.resize(*bytes_for(tensor.dtype, n));
    reader->read(tensor, 0, bytes);
    reader->read(tensor, tensor.elements - n, bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file{{reinterpret_cast<const char*>(data), size}};
  return fuzz::read_or_refuse([&] {
    auto header = checkpoint::folder::read_file_header(file.path(), checkpoint::Format::safetensors, checkpoint::safetensors::form().parse);
    if (checkpoint::is_delta(header)) check_unpacked(checkpoint::unpacked(std::move(header)));
  });
}
