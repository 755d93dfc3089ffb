#include <dare/core/hash.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

namespace {

using namespace dare;

// The value that xxHash's own specification gives for no input, in the canonical order of bytes.
TEST(Hash128, IsXxh3) {
  EXPECT_EQ(hash_hex(std::string_view{}), "99aa06d3014798d86001c324468d497f");
}

TEST(Hasher128, GivesInPiecesTheHashOfTheWhole) {
  std::vector<std::byte> data(100'000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 131 >> 3U);
  const std::span<const std::byte> all{data};
  for (const std::size_t size : {0U, 1U, 16U, 240U, 241U, 1024U, 99'999U, 100'000U}) {
    for (const std::size_t piece : {1U, 63U, 256U, 4096U, 65'536U}) {
      Hasher128 hasher;
      for (std::size_t at = 0; at < size; at += piece) hasher.update(all.subspan(at, std::min(piece, size - at)));
      EXPECT_EQ(hasher.digest(), hash128(all.first(size))) << size << " in pieces of " << piece;
    }
  }
}

// Where the library that tests are built with can choose, the build has to let it: hashing is several times as fast.
TEST(Hash128, UsesTheProcessorsInstructionsWhereTheLibraryCan) {
#if __has_include(<xxh_x86dispatch.h>)
  EXPECT_TRUE(hashes_by_processor());
#else
  EXPECT_FALSE(hashes_by_processor());
#endif
}

}  // namespace
