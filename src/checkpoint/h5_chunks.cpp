#include "checkpoint/h5_chunks.hpp"

#include "checkpoint/h5_types.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace dare::checkpoint::hdf5 {
namespace {

// A chunk is held whole while a part of it is read.
constexpr std::uint64_t k_largest_chunk = std::uint64_t{256} << 20U;
constexpr std::size_t k_kept_bytes = std::size_t{32} << 20U;

// The next position of a box in row-major order; false behind the last. Dimensions from `dimensions` on stay.
bool step(Shape& position, const Shape& first, const Shape& last, std::size_t dimensions) {
  for (auto d = dimensions; d-- > 0;) {
    if (++position[d] <= last[d]) return true;
    position[d] = first[d];
  }
  return false;
}

std::vector<std::byte> fill_value_of(const Doing& doing, hid_t creation, hid_t type) {
  auto state = H5D_FILL_VALUE_ERROR;
  check(H5Pfill_value_defined(creation, &state), doing);
  if (state != H5D_FILL_VALUE_USER_DEFINED) return {};
  std::vector<std::byte> value(H5Tget_size(type));
  check(H5Pget_fill_value(creation, type, value.data()), doing);
  return value;
}

}  // namespace

ChunkLayout chunk_layout(const std::filesystem::path& file, const std::string& name, hid_t creation, std::size_t item) {
  const Doing doing{file, "look at the chunks of", name};
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const auto rank = H5Pget_chunk(creation, static_cast<int>(extents.size()), extents.data());
  check(rank, doing);
  ChunkLayout layout;
  layout.extents.assign(extents.begin(), extents.begin() + rank);
  const auto elements = checked_elements(layout.extents);
  const auto bytes = elements ? checked_product(*elements, item) : std::nullopt;
  if (!bytes || *bytes > k_largest_chunk) {
    throw InputError{fmt::format("{}: dataset \"{}\" has chunks of {} bytes, at most {} are read; repack it with `h5repack -l CONTI`",
                                 file.string(), name, bytes ? std::to_string(*bytes) : "2^63 or more", k_largest_chunk)};
  }
  if (*bytes == 0) throw InputError{fmt::format("{}: dataset \"{}\" has chunks of no bytes; fetch the file again", file.string(), name)};
  layout.bytes = *bytes;
  unsigned options = 0;
  check(H5Pget_chunk_opts(creation, &options), doing);
  layout.bare_at_end = (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
  layout.filters = filters_of(file, name, creation);
  return layout;
}

ChunkReader::ChunkReader(const std::filesystem::path& file, std::string name, hid_t dataset, hid_t type, Shape extents)
    : file_{file}, name_{std::move(name)}, dataset_{dataset}, item_{H5Tget_size(type)}, extents_{std::move(extents)} {
  const Doing doing{file_, "look at the chunks of", name_};
  const H5Properties creation{H5Dget_create_plist(dataset), doing};
  layout_ = chunk_layout(file_, name_, creation.get(), item_);
  if (layout_.extents.size() != extents_.size())
    throw InputError{fmt::format("{}: dataset \"{}\": extents {}, chunks of {}; fetch the file again", file_.string(), name_,
                                 to_string(extents_), to_string(layout_.extents))};
  fill_value_ = fill_value_of(doing, creation.get(), type);
}

void ChunkReader::read(const Box& box, std::span<std::byte> out) {
  const auto rank = extents_.size();
  Shape first(rank);
  Shape last(rank);
  for (std::size_t d = 0; d < rank; ++d) {
    first[d] = box.start[d] / layout_.extents[d];
    last[d] = (box.start[d] + box.count[d] - 1) / layout_.extents[d];
  }
  auto position = first;
  do copy(chunk_at(position), position, box, out);
  while (step(position, first, last, rank));
}

// The part that chunk and box share, by runs of the innermost dimension.
void ChunkReader::copy(const Bytes& chunk, const Shape& position, const Box& box, std::span<std::byte> out) const {
  const auto rank = extents_.size();
  Shape first(rank);
  Shape last(rank);
  for (std::size_t d = 0; d < rank; ++d) {
    const auto start = position[d] * layout_.extents[d];
    first[d] = std::max(start, box.start[d]);
    last[d] = std::min(start + layout_.extents[d], box.start[d] + box.count[d]) - 1;
  }
  const auto run = (last[rank - 1] - first[rank - 1] + 1) * item_;
  auto at = first;
  do {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      from = from * layout_.extents[d] + (at[d] - position[d] * layout_.extents[d]);
      to = to * box.count[d] + (at[d] - box.start[d]);
    }
    std::memcpy(&out[to * item_], &chunk[from * item_], run);
  } while (step(at, first, last, rank - 1));
}

const ChunkReader::Bytes& ChunkReader::chunk_at(const Shape& position) {
  std::uint64_t key = 0;
  for (std::size_t d = 0; d < extents_.size(); ++d) {
    key = key * ((extents_[d] + layout_.extents[d] - 1) / layout_.extents[d]) + position[d];
  }
  if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  while (!order_.empty() && (order_.size() + 1) * layout_.bytes > k_kept_bytes) {
    kept_.erase(order_.front());
    order_.pop_front();
  }
  Shape start(position);
  for (std::size_t d = 0; d < start.size(); ++d) start[d] *= layout_.extents[d];
  auto bytes = load(start);
  order_.push_back(key);
  return kept_.emplace(key, std::move(bytes)).first->second;
}

ChunkReader::Bytes ChunkReader::load(const Shape& start) const {
  const auto stored = stored_bytes(start);
  if (stored == 0) return filled();
  try {
    if (stored > most_stored(layout_.bytes)) throw InputError{fmt::format("{} bytes are stored, it has {}", stored, layout_.bytes)};
    Bytes bytes(stored);
    std::uint32_t skipped = 0;
    check(H5Dread_chunk(dataset_, H5P_DEFAULT, hsizes(start), &skipped, bytes.data()), {file_, "read a chunk of", name_});
    bool at_end = false;
    for (std::size_t d = 0; d < start.size(); ++d) at_end = at_end || extents_[d] - start[d] < layout_.extents[d];
    if (at_end && layout_.bare_at_end) skipped = ~std::uint32_t{0};
    return unfilter(layout_.filters, skipped, std::move(bytes), layout_.bytes);
  } catch (const InputError& error) {
    throw InputError{
        fmt::format("{}: dataset \"{}\": chunk at {}: {}; fetch the file again", file_.string(), name_, to_string(start), error.what())};
  }
}

// 0 where it was never written.
std::uint64_t ChunkReader::stored_bytes(const Shape& start) const {
  hsize_t bytes = 0;
  if (H5Dget_chunk_storage_size(dataset_, hsizes(start), &bytes) >= 0) return bytes;
  // A chunk that is not there is a failure to HDF5 1.10: the slower question tells it from others.
  H5Eclear2(H5E_DEFAULT);
  unsigned skipped = 0;
  haddr_t address = HADDR_UNDEF;
  check(H5Dget_chunk_info_by_coord(dataset_, hsizes(start), &skipped, &address, &bytes), {file_, "find a chunk of", name_});
  return address == HADDR_UNDEF ? 0 : bytes;
}

ChunkReader::Bytes ChunkReader::filled() const {
  Bytes bytes(layout_.bytes);
  for (std::size_t at = 0; !fill_value_.empty() && at + item_ <= bytes.size(); at += item_) {
    std::memcpy(&bytes[at], fill_value_.data(), item_);
  }
  return bytes;
}

}  // namespace dare::checkpoint::hdf5
