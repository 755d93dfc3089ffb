#include "checkpoint/lora_product.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "checkpoint/lora_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dare::checkpoint::lora::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Four vectors of columns at once: their sums stay in registers while j runs.
void multiply_row_simd(std::span<const double> left, const double* right, std::size_t stride, std::span<double> sums) {
  const hn::ScalableTag<double> d;
  const auto lanes = hn::Lanes(d);
  std::size_t c = 0;
  for (; c + 4 * lanes <= sums.size(); c += 4 * lanes) {
    auto s0 = hn::Zero(d);
    auto s1 = hn::Zero(d);
    auto s2 = hn::Zero(d);
    auto s3 = hn::Zero(d);
    for (std::size_t j = 0; j < left.size(); ++j) {
      const auto x = hn::Set(d, left[j]);
      const double* row = right + j * stride + c;
      s0 = hn::Add(s0, hn::Mul(x, hn::LoadU(d, row)));
      s1 = hn::Add(s1, hn::Mul(x, hn::LoadU(d, row + lanes)));
      s2 = hn::Add(s2, hn::Mul(x, hn::LoadU(d, row + 2 * lanes)));
      s3 = hn::Add(s3, hn::Mul(x, hn::LoadU(d, row + 3 * lanes)));
    }
    hn::StoreU(s0, d, &sums[c]);
    hn::StoreU(s1, d, &sums[c + lanes]);
    hn::StoreU(s2, d, &sums[c + 2 * lanes]);
    hn::StoreU(s3, d, &sums[c + 3 * lanes]);
  }
  for (; c < sums.size(); ++c) {
    double sum = 0;
    for (std::size_t j = 0; j < left.size(); ++j) sum += left[j] * right[j * stride + c];
    sums[c] = sum;
  }
}

}  // namespace dare::checkpoint::lora::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dare::checkpoint::lora {

HWY_EXPORT(multiply_row_simd);

void multiply_row(std::span<const double> left, const double* right, std::size_t stride, std::span<double> sums) {
  HWY_DYNAMIC_DISPATCH(multiply_row_simd)(left, right, stride, sums);
}

}  // namespace dare::checkpoint::lora
#endif
