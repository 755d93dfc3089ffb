#include "checkpoint/lora_factors.hpp"

#include "merge/convert.hpp"

#include <algorithm>

namespace dare::checkpoint::lora {
namespace {

constexpr std::uint64_t k_piece = 65'536;  // elements read at a time

// The transpose of a matrix of `rows` rows.
std::vector<double> transposed(const std::vector<double>& matrix, std::uint64_t rows) {
  const auto columns = rows == 0 ? 0 : matrix.size() / rows;
  std::vector<double> result(matrix.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) result[c * rows + r] = matrix[r * columns + c];
  }
  return result;
}

}  // namespace

bool can_widen(Dtype dtype) noexcept {
  return dtype == Dtype::f64 || dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16;
}

Factors::Factors(const LowRank& factors, const TensorInfo& tensor, CheckpointReader& reader)
    : factors_{factors}, reader_{reader}, rows_{tensor.shape[0]}, columns_{rows_ == 0 ? 0 : tensor.elements / rows_} {}

std::vector<double> Factors::left(std::uint64_t begin, std::uint64_t end) {
  if (!factors_.transposed) return rows_of(factors_.b, begin, end);
  return transposed(columns_of(factors_.a, rows_, begin, end), factors_.rank);
}

std::vector<double> Factors::right(std::uint64_t begin, std::uint64_t end) {
  if (!factors_.transposed) return columns_of(factors_.a, columns_, begin, end);
  return transposed(rows_of(factors_.b, begin, end), end - begin);
}

std::vector<double> Factors::rows_of(const TensorInfo& tensor, std::uint64_t begin, std::uint64_t end) {
  std::vector<double> rows((end - begin) * factors_.rank);
  read(tensor, begin * factors_.rank, rows);
  return rows;
}

std::vector<double> Factors::columns_of(const TensorInfo& tensor, std::uint64_t width, std::uint64_t begin, std::uint64_t end) {
  const auto n = end - begin;
  std::vector<double> columns(n * factors_.rank);
  if (n == width) {
    read(tensor, 0, columns);
    return columns;
  }
  for (std::uint64_t j = 0; j < factors_.rank; ++j) read(tensor, j * width + begin, std::span{columns}.subspan(j * n, n));
  return columns;
}

void Factors::read(const TensorInfo& tensor, std::uint64_t first, std::span<double> out) {
  while (!out.empty()) {
    const auto n = std::min<std::uint64_t>(out.size(), k_piece);
    raw_.resize(n * info(tensor.dtype).bits / 8);
    reader_.read(tensor, first, raw_);
    merge::widen(tensor.dtype, raw_, out.first(n));
    out = out.subspan(n);
    first += n;
  }
}

}  // namespace dare::checkpoint::lora
