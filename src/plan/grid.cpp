#include <dare/plan/grid.hpp>

#include <dare/core/packed.hpp>

#include <algorithm>
#include <cassert>

namespace dare::plan {
namespace {

// Each rounded up by itself: a sub-byte tensor ends with a whole byte.
std::uint64_t read_of(const TensorLoad& load, std::uint64_t elements) {
  if (load.stored_bytes && load.elements != 0)
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(*load.stored_bytes) * elements / load.elements);
  return packed_bytes(elements, load.read_bits);
}

std::uint64_t written_of(const TensorLoad& load, std::uint64_t elements) {
  return packed_bytes(elements, load.write_bits);
}

std::uint64_t bytes_moved(const TensorLoad& load, std::uint64_t elements) {
  return read_of(load, elements) + written_of(load, elements);
}

}  // namespace

Grid::Grid(std::vector<TensorLoad> tensors) : tensors_{std::move(tensors)} {
  first_block_.reserve(tensors_.size() + 1);
  bytes_before_.reserve(tensors_.size() + 1);
  written_before_.reserve(tensors_.size() + 1);
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t written = 0;
  for (const auto& load : tensors_) {
    first_block_.push_back(blocks);
    bytes_before_.push_back(bytes);
    written_before_.push_back(written);
    blocks += (load.elements + k_block_elements - 1) / k_block_elements;
    bytes += bytes_moved(load, load.elements);
    written += written_of(load, load.elements);
  }
  first_block_.push_back(blocks);
  bytes_before_.push_back(bytes);
  written_before_.push_back(written);
}

std::uint32_t Grid::tensor_of(std::uint64_t number) const {
  // The last tensor that begins at or before: empty tensors share their first block with the next one and are passed over.
  const auto after = std::upper_bound(first_block_.begin(), first_block_.end(), number);
  return static_cast<std::uint32_t>(after - first_block_.begin() - 1);
}

Block Grid::block(std::uint64_t number) const {
  assert(number < blocks());
  const auto tensor = tensor_of(number);
  const auto first = (number - first_block_[tensor]) * k_block_elements;
  return {tensor, first, std::min(k_block_elements, tensors_[tensor].elements - first)};
}

std::uint64_t Grid::bytes_before(std::uint64_t number) const {
  if (number == blocks()) return bytes_before_.back();
  const auto tensor = tensor_of(number);
  return bytes_before_[tensor] + bytes_moved(tensors_[tensor], (number - first_block_[tensor]) * k_block_elements);
}

std::uint64_t Grid::bytes_written_before(std::uint64_t number) const {
  if (number == blocks()) return written_before_.back();
  const auto tensor = tensor_of(number);
  return written_before_[tensor] + written_of(tensors_[tensor], (number - first_block_[tensor]) * k_block_elements);
}

std::uint64_t Grid::bytes_read() const noexcept {
  return bytes_before_.back() - written_before_.back();
}

std::uint64_t Grid::bytes_written() const noexcept {
  return written_before_.back();
}

}  // namespace dare::plan
