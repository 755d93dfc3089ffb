#include <dare/core/archive.hpp>

#include <gtest/gtest.h>

namespace {

using namespace dare;

struct Value {
  std::string text;
  std::vector<std::uint32_t> numbers;
  std::optional<double> maybe;
  template <class A>
  void archive(A& a) {
    a(text, numbers, maybe);
  }
};

std::vector<std::byte> bytes_of(const Value& value) {
  OutArchive out;
  out(value);
  return out.bytes();
}

TEST(Archive, GivesBackWhatWasPutIn) {
  const auto bytes = bytes_of({"ab", {1, 2, 3}, 0.5});
  Value value;
  InArchive in{bytes};
  in(value);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(value.text, "ab");
  EXPECT_EQ(value.numbers, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(value.maybe, 0.5);
}

TEST(Archive, OfFewerBytesIsRefusedAtEachLength) {
  const auto bytes = bytes_of({"ab", {1, 2, 3}, 0.5});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Value value;
    InArchive in{std::span{bytes}.first(length)};
    EXPECT_THROW(in(value), ArchiveError) << length;
  }
}

TEST(Archive, TakesNoMemoryForASizeThatIsNotThere) {
  auto bytes = bytes_of({"", {}, {}});
  std::fill_n(bytes.begin(), sizeof(std::size_t), std::byte{0x7F});  // the text's size
  Value value;
  InArchive in{bytes};
  EXPECT_THROW(in(value), ArchiveError);
}

}  // namespace
