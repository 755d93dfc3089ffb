// The directory of a zip archive: every entry is placed and read.
#include "checkpoint/pytorch_zip.hpp"
#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  const fuzz::MemoryFile memory{{reinterpret_cast<const char*>(data), size}};
  const auto file = File::open_read(memory.path());
  return fuzz::read_or_refuse([&] {
    const checkpoint::pytorch::Archive archive{file};
    for (const auto& entry : archive.entries()) {
      static_cast<void>(fuzz::read_or_refuse([&] {
        const auto offset = archive.offset(entry);
        fuzz::require(offset + entry.size <= size, "an entry ends outside the file");
        const auto bytes = archive.read(entry, 1 << 20);
        fuzz::require(bytes.size() == entry.size, "an entry has another size");
        const auto place = std::as_bytes(std::span{data, size}).subspan(offset, entry.size);
        fuzz::require(std::equal(bytes.begin(), bytes.end(), place.begin()), "an entry's bytes are not where they were said to be");
      }));
    }
  });
}
