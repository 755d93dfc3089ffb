#include <dare/core/byte_size.hpp>

#include <dare/core/error.hpp>

#include <gtest/gtest.h>

#include <string>

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

TEST(ByteSize, WhatIsNoSizeBelow2To63IsRefused) {
  const auto too_long = "1" + std::string(400, '0') + ".5";
  for (const std::string text : {"9223372036854775808", "8192PiB", "9223372036854775807.5", "9999999999999999999999", "1.5", "", "GB", ".",
                                 "1.2.3MB", "-1", "5XB", too_long.c_str()}) {
    EXPECT_THROW((void)parse_byte_size(text), UsageError) << text;
  }
  EXPECT_EQ(parse_byte_size("9223372036854775807"), 9223372036854775807U);
  EXPECT_EQ(parse_byte_size("1.5GiB"), 1610612736U);
}

TEST(ByteSize, CaseOfUnitsIsIgnored) {
  for (const auto* text : {"1MiB", "1mib", "1MIB", "1M", "1m", "1024KiB", "1024kib"}) EXPECT_EQ(parse_byte_size(text), 1048576U) << text;
  for (const auto* text : {"1MB", "1mb", "1000KB", "1000kB"}) EXPECT_EQ(parse_byte_size(text), 1'000'000U) << text;
}

}  // namespace
}  // namespace dare
