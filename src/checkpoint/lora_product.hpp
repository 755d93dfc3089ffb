#pragma once
/// The inner loop of a low-rank product.

#include <cstddef>
#include <span>

namespace dare::checkpoint::lora {

/// sums[c] = sum over j ascending, from 0, of left[j] * right[j * stride + c]. No fused multiply-add: the same bits on every instruction
/// set.
/// @param right  (left.size() - 1) * stride + sums.size() values or more.
void multiply_row(std::span<const double> left, const double* right, std::size_t stride, std::span<double> sums);

}  // namespace dare::checkpoint::lora
