// A whole .pt file: the zip directory and the pickle in it, or the format before PyTorch 1.6.
#include "check_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  const fuzz::MemoryFile file{{reinterpret_cast<const char*>(data), size}};
  return fuzz::read_or_refuse([&] {
    const auto header = checkpoint::folder::read_file_header(file.path(), checkpoint::Format::pytorch, checkpoint::pytorch::form().parse);
    fuzz::check_header(header, *checkpoint::pytorch::open(header));
  });
}
