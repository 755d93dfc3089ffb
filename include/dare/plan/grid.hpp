#pragma once
/// The fixed grid: tensors in file order cut into blocks of 2^20 elements. Blocks are the unit of partition, hash and resume, and do not
/// depend on ranks, memory or anything else of a run.

#include <cstdint>
#include <optional>
#include <vector>

namespace dare::plan {

inline constexpr std::uint64_t k_block_elements = std::uint64_t{1} << 20U;

/// What one tensor costs to move.
struct TensorLoad {
  std::uint64_t elements = 0;
  std::uint64_t read_bits = 0;           ///< per element, over all inputs, as they stand in memory
  std::uint64_t write_bits = 0;          ///< per element, over all outputs
  std::uint64_t largest_write_bits = 0;  ///< per element of the widest output
  /// Bytes of the files that reading the whole tensor takes, where they are not what read_bits say: of deltas and low-rank changes.
  std::optional<std::uint64_t> stored_bytes = std::nullopt;
};

/// One block: elements [first, first + elements) of a tensor.
struct Block {
  std::uint32_t tensor = 0;
  std::uint64_t first = 0;
  std::uint64_t elements = 0;
};

/// Blocks [first, last) by their number in the whole grid.
struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const BlockRange&, const BlockRange&) = default;
};

class Grid {
 public:
  explicit Grid(std::vector<TensorLoad> tensors);

  [[nodiscard]] const std::vector<TensorLoad>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] std::uint64_t blocks() const noexcept { return first_block_.back(); }
  /// Number of a tensor's first block; its blocks end where the next tensor's begin.
  [[nodiscard]] std::uint64_t first_block(std::uint32_t tensor) const noexcept { return first_block_[tensor]; }
  /// @pre number < blocks()
  [[nodiscard]] Block block(std::uint64_t number) const;
  /// Bytes of files that the blocks before `number` read and write. @pre number <= blocks()
  [[nodiscard]] std::uint64_t bytes_before(std::uint64_t number) const;
  /// Those of them that are written. @pre number <= blocks()
  [[nodiscard]] std::uint64_t bytes_written_before(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t bytes_read() const noexcept;
  [[nodiscard]] std::uint64_t bytes_written() const noexcept;

 private:
  [[nodiscard]] std::uint32_t tensor_of(std::uint64_t number) const;

  std::vector<TensorLoad> tensors_;
  std::vector<std::uint64_t> first_block_;   // one more than tensors: ends with the number of blocks
  std::vector<std::uint64_t> bytes_before_;  // likewise: bytes moved for the tensors before
  std::vector<std::uint64_t> written_before_;
};

}  // namespace dare::plan
