#include "pipeline/journal.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

namespace {

using namespace dare;
using namespace dare::pipeline;

JournalHead a_head() {
  JournalHead head;
  head.identity = R"({"recipe": 1})";
  head.layout.files = {{"model.safetensors", 4096}};
  head.layout.tensors = {{0, 128}, {0, 1024}};
  head.blocks = 3;
  return head;
}

class JournalFile : public testing::Test {
 protected:
  JournalFile() {
    auto file = File::create(path_);
    Journal::write_head(file, a_head());
    Journal{path_}.note(1, std::vector<JournalRecord>{{k_hash, {5, 2, 1}}});
  }
  void damage(std::uint64_t offset) {
    auto file = File::open_write(path_);
    file.write_at(offset, std::vector<std::byte>{std::byte{0xEE}});
  }

  static inline const Hash128 k_hash = hash128(std::as_bytes(std::span{"a block"}));
  static constexpr std::uint64_t k_head = 16 + 8 + 16;  // where it begins: behind the magic, its length and its hash
  test::TempFolder folder_;
  std::filesystem::path path_ = folder_ / "journal";
};

TEST_F(JournalFile, HasItsHeadAndItsRecords) {
  const auto head = Journal::read_head(path_);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->identity, a_head().identity);
  EXPECT_EQ(head->layout.files.front().name, "model.safetensors");
  EXPECT_EQ(head->layout.tensors.back().offset, 1024U);
  const auto records = Journal::read_records(path_, *head);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(count_done(records), 1U);
  EXPECT_EQ(records[1].hash, k_hash);
  EXPECT_EQ(records[1].counts.merged, 5U);
  EXPECT_EQ(records[1].counts.swallowed, 2U);
  EXPECT_EQ(records[1].counts.nonfinite, 1U);
}

// As a crash may leave it: a journal is whole or none.
TEST_F(JournalFile, IsNoneWhereItsHeadIsTorn) {
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{16}, std::uint64_t{24}, k_head, k_head + 20}) {
    damage(offset);
    EXPECT_FALSE(Journal::read_head(path_)) << offset;
    auto file = File::open_write(path_);
    Journal::write_head(file, a_head());
    EXPECT_TRUE(Journal::read_head(path_));
  }
}

TEST_F(JournalFile, IsNoneAtAnyOtherLength) {
  const auto whole = File::open_read(path_).size();
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{15}, k_head, k_head + 8, whole - 16, whole - 1, whole + 16}) {
    File::open_write(path_).resize(size);
    EXPECT_FALSE(Journal::read_head(path_)) << size;
    auto file = File::open_write(path_);
    Journal::write_head(file, a_head());
  }
  std::filesystem::remove(path_);
  EXPECT_FALSE(Journal::read_head(path_));
}

struct LongRecord {
  std::array<std::uint64_t, 162> values;
};
using LongJournal = JournalOf<LongRecord>;

TEST_F(JournalFile, IsNoneOfOtherRecords) {
  EXPECT_FALSE(LongJournal::read_head(path_));
}

TEST_F(JournalFile, IsOpenedBySeveralWithoutLossToAny) {
  const auto path = folder_ / "shared";
  auto one = LongJournal::open_or_create(path, a_head());
  auto other = LongJournal::open_or_create(path, a_head());
  one.note(0, std::vector<LongRecord>{{{1}}});
  other.note(2, std::vector<LongRecord>{{{3}}});
  one.close();
  LongJournal::open_or_create(path, a_head()).note(1, std::vector<LongRecord>{{{2}}});
  const auto head = LongJournal::read_head(path);
  ASSERT_TRUE(head);
  const auto records = LongJournal::read_records(path, *head);
  ASSERT_EQ(records.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(records[i].values[0], i + 1);
  EXPECT_EQ(LongJournal::read_records(path, *head, {1, 2}).front().values[0], 2U);
}

}  // namespace
