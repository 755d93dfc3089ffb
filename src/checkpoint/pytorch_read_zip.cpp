#include "checkpoint/pytorch_parse.hpp"
#include "checkpoint/pytorch_zip.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <cstring>
#include <memory>

namespace dare::checkpoint::pytorch {
namespace {

constexpr std::uint64_t k_longest_pickle = 100'000'000;
constexpr std::string_view k_pickle = "data.pkl";

// All entries stand in one folder, named after the file as it was first saved; "" where there is none.
std::string root_of(const Archive& archive, const File& file) {
  const Archive::Entry* found = nullptr;
  for (const auto& entry : archive.entries()) {
    const auto slash = entry.name.find('/');
    if (entry.name != k_pickle && (slash == std::string::npos || entry.name.substr(slash + 1) != k_pickle)) continue;
    if (found != nullptr) {
      throw refusal(file,
                    fmt::format("two pickles, \"{}\" and \"{}\"; fetch the file again", printable(found->name), printable(entry.name)));
    }
    found = &entry;
  }
  if (found == nullptr) throw refusal(file, "a zip archive without a data.pkl; give a file that torch.save made");
  return found->name.substr(0, found->name.size() - k_pickle.size());
}

void check_kind(const Archive& archive, const std::string& root, const File& file) {
  if (archive.find(root + "constants.pkl") != nullptr) {
    throw refusal(file, "a TorchScript program; save the model's state_dict() with torch.save");
  }
  const auto* order = archive.find(root + "byteorder");
  if (order == nullptr) return;  // before PyTorch 2.1: little-endian
  const auto bytes = archive.read(*order, 6);
  const std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text != "little") {
    throw refusal(file, fmt::format("byte order \"{}\", \"little\" is expected; save it on a little-endian machine", printable(text)));
  }
}

// The weights enter by the checksums that the directory has of them.
Hash128 hash_of(std::span<const std::byte> pickle, const Archive& archive) {
  Hasher128 hasher;
  hasher.update(pickle);
  for (const auto& entry : archive.entries()) {
    hasher.update(std::as_bytes(std::span{entry.name}));
    hasher.update(std::as_bytes(std::span{&entry.size, 1}));
    hasher.update(std::as_bytes(std::span{&entry.crc, 1}));
  }
  return hasher.digest();
}

}  // namespace

void read_zip(const File& file, Contents& contents) {
  const auto archive = std::make_shared<Archive>(file);
  const auto root = root_of(*archive, file);
  check_kind(*archive, root, file);
  const auto bytes = archive->read(*archive->find(root + std::string{k_pickle}), k_longest_pickle);
  pickle::Input input{bytes};
  contents.root = run_pickle(file, "data.pkl, ", input, contents);
  contents.hash = hash_of(bytes, *archive);
  contents.find = [archive, root, &file](const Storage& storage) {
    const auto* entry = archive->find(root + "data/" + storage.key);
    if (entry == nullptr)
      throw refusal(file, fmt::format("no zip entry \"data/{}\", a tensor lies there; fetch the file again", printable(storage.key)));
    return Extent{archive->offset(*entry), entry->size};
  };
}

}  // namespace dare::checkpoint::pytorch
