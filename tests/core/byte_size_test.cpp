#include <dare/core/byte_size.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace dare {
namespace {

TEST(ByteSize, ExactTextIsShortAndReadBack) {
  EXPECT_EQ(exact_byte_size(std::uint64_t{512} << 20U), "512MiB");
  EXPECT_EQ(exact_byte_size(5'000'000'000), "5GB");
  EXPECT_EQ(exact_byte_size(1'500'000), "1500kB");
  EXPECT_EQ(exact_byte_size(4095), "4095");
  EXPECT_EQ(exact_byte_size(0), "0");
  for (const auto bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{1024}, std::uint64_t{3} << 40U,
                           std::uint64_t{7'000'000'000'000'000}, (std::uint64_t{1} << 63U) - 1}) {
    EXPECT_EQ(parse_byte_size(exact_byte_size(bytes)), bytes);
  }
}

TEST(ByteSize, CaseOfUnitsIsIgnored) {
  for (const auto* text : {"1MiB", "1mib", "1MIB", "1M", "1m", "1024KiB", "1024kib"}) EXPECT_EQ(parse_byte_size(text), 1048576U) << text;
  for (const auto* text : {"1MB", "1mb", "1000KB", "1000kB"}) EXPECT_EQ(parse_byte_size(text), 1'000'000U) << text;
}

}  // namespace
}  // namespace dare
