// The header of a .safetensors file.
#include "check_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  const fuzz::MemoryFile file{{reinterpret_cast<const char*>(data), size}};
  return fuzz::read_or_refuse([&] {
    const auto header =
        checkpoint::folder::read_file_header(file.path(), checkpoint::Format::safetensors, checkpoint::safetensors::form().parse);
    fuzz::check_header(header, *checkpoint::safetensors::open(header));
  });
}
