#pragma once
/// Parts of the two factors of a low-rank tensor as float64, whatever they are stored as.

#include <dare/checkpoint/reader.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace dare::checkpoint::lora {

/// Whether factors can be stored so: F64, F32, F16 and BF16.
[[nodiscard]] bool can_widen(Dtype dtype) noexcept;

/// Reads a low-rank tensor as left (rows x rank) times right (rank x columns); left and right are B and A, or their transposes the other
/// way round.
class Factors {
 public:
  Factors(const LowRank& factors, const TensorInfo& tensor, CheckpointReader& reader);

  [[nodiscard]] std::uint64_t rank() const noexcept { return factors_.rank; }
  [[nodiscard]] std::uint64_t columns() const noexcept { return columns_; }

  /// Rows [begin, end) of the left factor, row by row.
  [[nodiscard]] std::vector<double> left(std::uint64_t begin, std::uint64_t end);
  /// Columns [begin, end) of the right factor, row by row.
  [[nodiscard]] std::vector<double> right(std::uint64_t begin, std::uint64_t end);

 private:
  void read(const TensorInfo& tensor, std::uint64_t first, std::span<double> out);
  [[nodiscard]] std::vector<double> rows_of(const TensorInfo& tensor, std::uint64_t begin, std::uint64_t end);
  [[nodiscard]] std::vector<double> columns_of(const TensorInfo& tensor, std::uint64_t width, std::uint64_t begin, std::uint64_t end);

  const LowRank& factors_;
  CheckpointReader& reader_;
  std::uint64_t rows_;
  std::uint64_t columns_;
  std::vector<std::byte> raw_;
};

}  // namespace dare::checkpoint::lora
