#pragma once
/// Consecutive results of one product, collected so that a file gets them in one piece: a file system's cost is by the piece.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::pipeline {

/// Its place in a tensor's bytes and what is collected of it.
class TileRun {
 public:
  /// @param capacity  bytes of the largest run; held from the first result on.
  explicit TileRun(std::size_t capacity) : capacity_{capacity} {}

  [[nodiscard]] std::uint32_t tensor() const noexcept { return tensor_; }
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span{bytes_}.first(used_); }

  /// Whether a result of `size` bytes at `offset` of `tensor` goes on where this run ends, and fits.
  [[nodiscard]] bool takes(std::uint32_t tensor, std::uint64_t offset, std::size_t size) const noexcept {
    return used_ == 0 || (tensor == tensor_ && offset == offset_ + used_ && used_ + size <= capacity_);
  }
  /// Space for a result that takes() said yes to. It belongs to the run once it is kept.
  [[nodiscard]] std::span<std::byte> space(std::uint32_t tensor, std::uint64_t offset, std::size_t size) {
    bytes_.resize(capacity_);
    if (used_ == 0) {
      tensor_ = tensor;
      offset_ = offset;
    }
    return std::span{bytes_}.subspan(used_, size);
  }
  void keep(std::size_t size) noexcept { used_ += size; }
  [[nodiscard]] bool full() const noexcept { return used_ == capacity_; }
  void clear() noexcept { used_ = 0; }

 private:
  std::size_t capacity_;
  std::vector<std::byte> bytes_;
  std::size_t used_ = 0;
  std::uint32_t tensor_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace dare::pipeline
