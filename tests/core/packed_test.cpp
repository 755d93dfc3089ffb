#include <dare/core/dtype.hpp>
#include <dare/core/packed.hpp>

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace dare {
namespace {

std::vector<std::uint64_t> elements_of(std::span<const std::byte> bytes, Dtype dtype, std::uint64_t elements) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 0; i < elements; ++i) all.push_back(element_bits(bytes, info(dtype).bits, i));
  return all;
}

TEST(Packed, ElementsThatShareAByteAreToldApart) {
  const std::array four{std::byte{0x21}, std::byte{0x43}, std::byte{0x65}};
  EXPECT_EQ(elements_of(four, Dtype::f4, 6), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  auto other = four;
  other[1] = std::byte{0xF3};  // of its two elements the second
  EXPECT_EQ(elements_of(other, Dtype::f4, 6), (std::vector<std::uint64_t>{1, 2, 3, 15, 5, 6}));
}

TEST(Packed, ElementsAcrossBytesArePutTogether) {
  // From the lowest bit: 1, 2, 3 and 63 of 6 bits each.
  const std::array six{std::byte{0x81}, std::byte{0x30}, std::byte{0xFC}};
  EXPECT_EQ(elements_of(six, Dtype::f6_e3m2, 4), (std::vector<std::uint64_t>{1, 2, 3, 63}));
}

TEST(Packed, WholeBytesAreLittleEndian) {
  const std::array bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
  EXPECT_EQ(elements_of(bytes, Dtype::u8, 8), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(elements_of(bytes, Dtype::bf16, 4), (std::vector<std::uint64_t>{0x0201, 0x0403, 0x0605, 0x0807}));
  EXPECT_EQ(elements_of(bytes, Dtype::f32, 2), (std::vector<std::uint64_t>{0x04030201, 0x08070605}));
  EXPECT_EQ(elements_of(bytes, Dtype::c64, 1), (std::vector<std::uint64_t>{0x0807060504030201}));
}

TEST(Packed, BytesAreRoundedUp) {
  EXPECT_EQ(packed_bytes(0, 4), 0U);
  EXPECT_EQ(packed_bytes(3, 4), 2U);
  EXPECT_EQ(packed_bytes(3, 6), 3U);
  EXPECT_EQ(packed_bytes(5, 16), 10U);
}

}  // namespace
}  // namespace dare
