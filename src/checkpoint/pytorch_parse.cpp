#include "checkpoint/pytorch_parse.hpp"

#include "checkpoint/pytorch_state_dict.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dare::checkpoint::pytorch {
namespace {

[[noreturn]] void refuse(const File& file, const NamedTensor& tensor, const std::string& what) {
  throw InputError{fmt::format("{}: tensor \"{}\": {}", file.path().string(), tensor.name, what)};
}

// Row by row without gaps; the stride of an extent of 1 means nothing.
bool is_contiguous(const StoredTensor& tensor, std::uint64_t elements) {
  if (elements == 0) return true;
  std::uint64_t next = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    if (tensor.shape[d] != 1 && tensor.strides[d] != next) return false;
    next *= tensor.shape[d];
  }
  return true;
}

// The position after the last element that the tensor reaches; nothing above 2^63.
std::optional<std::uint64_t> reach(const StoredTensor& tensor) {
  constexpr auto k_most = std::uint64_t{1} << 63U;
  std::uint64_t last = tensor.offset;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    const auto step = checked_product(tensor.shape[d] - 1, tensor.strides[d]);
    if (!step || last >= k_most - *step) return std::nullopt;
    last += *step;
  }
  return last + 1;
}

TensorInfo place(const File& file, const NamedTensor& named, const Contents& contents) {
  const auto& stored = *named.tensor;
  const auto& storage = contents.objects.storages()[stored.storage];
  const auto elements = checked_elements(stored.shape);
  const auto bytes = elements ? bytes_for(stored.dtype, *elements) : std::nullopt;
  const auto held = storage.bytes();
  if (!bytes || !held) refuse(file, named, fmt::format("{} exceeds 2^63 bytes; fetch the file again", dtype_and_shape(stored)));
  const auto item = info(stored.dtype).bits / 8;
  const auto end = *elements == 0 ? 0 : reach(stored).value_or(~std::uint64_t{0});
  if (end > *held / item) {
    refuse(file, named,
           fmt::format("{} with strides {} from element {} on leaves its storage of {} elements; fetch the file again",
                       to_string(stored.shape), to_string(stored.strides), stored.offset, *held / item));
  }
  if (*elements > *held / item) {
    refuse(file, named,
           fmt::format("{} has {} elements, its storage {}: it repeats them; save it after .contiguous()", to_string(stored.shape),
                       *elements, *held / item));
  }
  const auto extent = *elements == 0 ? Extent{0, *held} : contents.find(storage);
  if (extent.bytes != *held) {
    refuse(file, named,
           fmt::format("its storage \"{}\" has {} bytes in the file, {} are expected; fetch the file again", printable(storage.key),
                       extent.bytes, *held));
  }
  TensorInfo tensor;
  tensor.name = named.name;
  tensor.dtype = stored.dtype;
  tensor.shape = stored.shape;
  tensor.elements = *elements;
  tensor.bytes = *bytes;
  tensor.offset = *elements == 0 ? 0 : extent.offset + stored.offset * item;
  if (!is_contiguous(stored, *elements)) tensor.strides = stored.strides;
  return tensor;
}

bool is_zip(const File& file) {
  constexpr std::array<std::byte, 4> k_local_header{std::byte{'P'}, std::byte{'K'}, std::byte{3}, std::byte{4}};
  std::array<std::byte, 4> head{};
  if (file.size() < head.size()) return false;
  file.read_at(0, head);
  return head == k_local_header;
}

}  // namespace

InputError refusal(const File& file, const std::string& what) {
  return InputError{fmt::format("{}: {}", file.path().string(), what)};
}

pickle::Id run_pickle(const File& file, std::string_view part, pickle::Input& input, Contents& contents) {
  try {
    return pickle::run(input, contents.objects, contents.heap);
  } catch (const pickle::Refusal& refusal) { throw InputError{fmt::format("{}: {}{}", file.path().string(), part, refusal.what())}; }
}

FileHeader parse_file(const std::filesystem::path& path, std::string name) {
  const auto file = File::open_read(path);
  auto state = state_of(file, std::move(name));
  Contents contents;
  if (is_zip(file)) read_zip(file, contents);
  else read_legacy(file, contents);
  FileHeader header;
  state.header_hash = contents.hash;
  header.file = std::move(state);
  try {
    for (const auto& tensor : state_dict(contents.heap, contents.root, contents.objects)) {
      header.tensors.push_back(place(file, tensor, contents));
    }
  } catch (const pickle::Refusal& refusal) { throw InputError{fmt::format("{}: {}", path.string(), refusal.what())}; }
  return header;
}

}  // namespace dare::checkpoint::pytorch
