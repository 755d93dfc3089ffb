#include "checkpoint/pytorch_parse.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>

namespace dare::checkpoint::pytorch {
namespace {

using pickle::Heap;
using pickle::Id;
using pickle::Kind;

constexpr std::uint64_t k_longest_pickles = 100'000'000;
constexpr std::string_view k_magic{"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10};
constexpr std::int64_t k_version = 1001;

bool is_integer(const Heap& heap, Id id, std::int64_t value) {
  return heap.is(id, Kind::integer) && heap[id].integer == value;
}

// The first pickle is a number that no other file begins with.
void check_magic(const File& file, const Heap& heap, Id magic) {
  if (heap.is(magic, Kind::long_integer) && heap.text(magic) == k_magic) return;
  throw refusal(file, "a pickle that is not PyTorch's; save the model's state_dict() with torch.save");
}

void check_is_pickle(const File& file) {
  constexpr std::byte k_protocol{0x80};
  std::array<std::byte, 1> head{};
  if (file.size() > 0) file.read_at(0, head);
  if (head[0] == k_protocol) return;
  throw refusal(file, "neither a zip archive nor a pickle; load it with the PyTorch that wrote it and save it again");
}

void check_machine(const File& file, const Heap& heap, Id info) {
  if (!heap.is(info, Kind::dict)) throw refusal(file, "no description of the machine that saved it; fetch the file again");
  const auto items = heap.items(info);
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (heap.is(items[i], Kind::text) && heap.text(items[i]) == "little_endian" && heap[items[i + 1]].integer != 1) {
      throw refusal(file, "saved on a big-endian machine; save it on a little-endian one");
    }
  }
}

// Storages follow each other in the order of `keys`: 8 bytes of count, then the elements.
std::unordered_map<std::string, Extent> walk(const File& file, const Contents& contents, Id keys, std::uint64_t position) {
  if (!contents.heap.is(keys, Kind::list)) throw refusal(file, "no list of storages; fetch the file again");
  std::unordered_map<std::string_view, const Storage*> known;
  for (const auto& storage : contents.objects.storages()) known.emplace(storage.key, &storage);
  std::unordered_map<std::string, Extent> extents;
  const auto size = file.size();
  for (const auto key : contents.heap.items(keys)) {
    const auto found = contents.heap.is(key, Kind::text) ? known.find(contents.heap.text(key)) : known.end();
    if (found == known.end()) throw refusal(file, "the list of storages has one that the pickle has not; fetch the file again");
    const auto& storage = *found->second;
    const auto bytes = storage.bytes();
    std::uint64_t count = 0;
    if (!bytes || size < sizeof count || position > size - sizeof count || *bytes > size - sizeof count - position) {
      throw refusal(file, fmt::format("storage \"{}\" of {} elements from {} on, the file has {} bytes; fetch the file again",
                                      printable(storage.key), storage.count, position, size));
    }
    file.read_at(position, std::as_writable_bytes(std::span{&count, 1}));
    if (count != storage.count) {
      throw refusal(file, fmt::format("storage \"{}\" has {} elements in the file and {} in the pickle; fetch the file again",
                                      printable(storage.key), count, storage.count));
    }
    position += sizeof count;
    extents[storage.key] = {position, *bytes};
    position += *bytes;
  }
  return extents;
}

Hash128 hash_of(const File& file, std::uint64_t bytes) {
  std::vector<std::byte> head(bytes);
  file.read_at(0, head);
  return hash128(head);
}

}  // namespace

void read_legacy(const File& file, Contents& contents) {
  check_is_pickle(file);
  pickle::Input input{[&file](std::uint64_t offset, std::span<std::byte> out) { file.read_at(offset, out); },
                      std::min(file.size(), k_longest_pickles)};
  const auto next = [&](std::string_view part) { return run_pickle(file, part, input, contents); };
  check_magic(file, contents.heap, next("1st pickle, "));
  const auto version = next("2nd pickle, ");
  if (!is_integer(contents.heap, version, k_version))
    throw refusal(file, fmt::format("another version than {}; fetch the file again", k_version));
  check_machine(file, contents.heap, next("3rd pickle, "));
  contents.root = next("4th pickle, ");
  const auto keys = next("5th pickle, ");
  contents.hash = hash_of(file, input.position());
  const auto extents = std::make_shared<std::unordered_map<std::string, Extent>>(walk(file, contents, keys, input.position()));
  contents.find = [extents, &file](const Storage& storage) {
    const auto found = extents->find(storage.key);
    if (found == extents->end())
      throw refusal(file, fmt::format("storage \"{}\" is not in the file; fetch the file again", printable(storage.key)));
    return found->second;
  };
}

}  // namespace dare::checkpoint::pytorch
