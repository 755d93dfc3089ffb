#include "checkpoint/boxes.hpp"

#include <gmock/gmock.h>

namespace dare::checkpoint {
namespace {

// Flat indices of a box's elements, in its own order.
std::vector<std::uint64_t> flat(const Shape& extents, const Box& box) {
  std::vector<std::uint64_t> indices;
  for (std::uint64_t i = 0; i < box.elements(); ++i) {
    std::uint64_t rest = i;
    std::uint64_t index = 0;
    std::uint64_t stride = 1;
    for (auto d = extents.size(); d > 0; --d) {
      index += (box.start[d - 1] + rest % box.count[d - 1]) * stride;
      rest /= box.count[d - 1];
      stride *= extents[d - 1];
    }
    indices.push_back(index);
  }
  return indices;
}

TEST(Boxes, CoverEveryRunInOrderWithFewBoxes) {
  std::size_t runs = 0;
  for (const Shape& extents : {Shape{}, Shape{1}, Shape{7}, Shape{3, 4}, Shape{1, 5}, Shape{5, 1}, Shape{2, 3, 4}, Shape{2, 1, 3, 2}}) {
    const auto elements = checked_elements(extents).value();
    for (std::uint64_t first = 0; first < elements; ++first) {
      for (std::uint64_t n = 0; first + n <= elements; ++n) {
        std::vector<std::uint64_t> covered;
        const auto parts = boxes(extents, first, n);
        for (const auto& box : parts) {
          for (const auto index : flat(extents, box)) covered.push_back(index);
        }
        ASSERT_EQ(covered.size(), n);
        for (std::uint64_t i = 0; i < n; ++i) ASSERT_EQ(covered[i], first + i) << to_string(extents);
        ASSERT_LE(parts.size(), std::max<std::size_t>(1, 2 * extents.size() - (extents.empty() ? 0 : 1)));
        ++runs;
      }
    }
  }
  EXPECT_GT(runs, 500U);
}

TEST(Boxes, AlignedRowsAreOneBox) {
  const auto parts = boxes({4'096, 8'192}, 8'192ULL * 100, 8'192ULL * 16);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].start, (Shape{100, 0}));
  EXPECT_EQ(parts[0].count, (Shape{16, 8'192}));
}

}  // namespace
}  // namespace dare::checkpoint
