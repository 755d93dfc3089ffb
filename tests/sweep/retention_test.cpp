#include "sweep/retention.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() { fs::create_directory(places_.records); }

  // A scored record with a checkpoint in the folder.
  Record scored(const std::string& name, nlohmann::ordered_json scores) const {
    Record record;
    record.point = name;
    record.status = Status::done;
    record.scores = std::move(scores);
    record.output = name;
    fs::create_directory(places_.folder / name);
    std::ofstream{places_.folder / name / "model"} << name;
    write_record(places_, record);
    return record;
  }

  // Names of the checkpoints that are left of these, given in this order; the number is the point's place.
  std::string left_of(const std::vector<std::pair<std::uint64_t, Record>>& records) const {
    Retention retention{settings_, places_};
    for (const auto& [position, record] : records) retention.add(position, record);
    std::string names;
    for (const auto& [position, record] : records) {
      const bool there = fs::exists(places_.folder / record.point);
      EXPECT_EQ(read_record(places_.record(record.point))->output.empty(), !there);
      if (there) names += record.point;
    }
    return names;
  }

  test::TempFolder folder_;
  Places places_{folder_.path()};
  Settings settings_ = [] {
    Settings settings;
    settings.score = "x";
    return settings;
  }();
};

TEST_F(RetentionTest, OfAllIsNothingDeleted) {
  EXPECT_EQ(left_of({{0, scored("a", {{"x", 1}})}, {1, scored("b", {{"x", 2}})}}), "ab");
}

TEST_F(RetentionTest, OfNoneIsEveryScoredOneDeleted) {
  settings_.keep = Keep::none;
  auto failed = scored("b", nlohmann::ordered_json::object());
  failed.status = Status::unscored;
  EXPECT_EQ(left_of({{0, scored("a", {{"x", 1}})}, {1, failed}, {2, scored("c", nlohmann::ordered_json::object())}}), "bc");
}

TEST_F(RetentionTest, OfBestTheFirstOfEqualsStaysInWhateverOrderTheyCome) {
  settings_.keep = Keep::best;
  EXPECT_EQ(left_of({{2, scored("c", {{"x", 3}})}, {0, scored("a", {{"x", 1}})}, {1, scored("b", {{"x", 3}})}}), "b");
  settings_.lowest_is_best = true;
  EXPECT_EQ(left_of({{2, scored("c", {{"x", 1}})}, {0, scored("a", {{"x", 1}})}, {1, scored("b", {{"x", 3}})}}), "a");
}

TEST_F(RetentionTest, OfBestWhatLacksTheScoreThatDecidesStays) {
  settings_.keep = Keep::best;
  settings_.score = "y";
  EXPECT_EQ(left_of({{0, scored("a", {{"x", 9}})}, {1, scored("b", {{"x", 1}, {"y", 1}})}, {2, scored("c", {{"x", 0}, {"y", 2}})}}), "ac");
  settings_.score = "z";
  EXPECT_EQ(left_of({{0, scored("a", {{"x", 1}})}, {1, scored("b", {{"y", 2}})}}), "ab");
}

TEST_F(RetentionTest, OfBestOneWhoseCheckpointIsGoneDoesNotWin) {
  settings_.keep = Keep::best;
  auto gone = scored("a", {{"x", 9}});
  delete_checkpoint(places_, gone);
  EXPECT_EQ(left_of({{0, gone}, {1, scored("b", {{"x", 1}})}}), "b");
}

TEST_F(RetentionTest, DeletesAFileWithItsManifest) {
  auto record = scored("a", {{"x", 1}});
  record.output = "a.h5";
  for (const auto* name : {"a.h5", "a.h5.manifest.json"}) std::ofstream{places_.folder / name} << "x";
  delete_checkpoint(places_, record);
  EXPECT_FALSE(fs::exists(places_.folder / "a.h5"));
  EXPECT_FALSE(fs::exists(places_.folder / "a.h5.manifest.json"));
  EXPECT_EQ(read_record(places_.record("a"))->output, "");
  record.output = "a.h5";  // another group has been here
  EXPECT_NO_THROW(delete_checkpoint(places_, record));
}

TEST(BestOf, IsTheFirstOfThoseWithTheScoreThatDecides) {
  const auto scored = [](const std::string& point, nlohmann::ordered_json scores, Status status = Status::done) {
    Record record;
    record.point = point;
    record.status = status;
    record.scores = std::move(scores);
    return record;
  };
  const std::vector<Record> records{scored("failed", {{"x", 9}}, Status::unscored), scored("a", {{"x", 1}, {"y", 2}}),
                                    scored("b", {{"x", 3}}), scored("c", {{"x", 3}, {"y", 0.5}}),
                                    scored("none", nlohmann::ordered_json::object())};
  std::vector<const Record*> all;
  for (const auto& record : records) all.push_back(&record);
  Settings settings;
  const auto best = [&] {
    const auto one = best_of(settings, all);
    return one ? one->score + " " + one->value.dump() + " " + one->point : "";
  };
  EXPECT_EQ(best(), "x 3 b");
  EXPECT_EQ(best_of(settings, all)->equals, std::vector<std::string>{"c"});
  settings.score = "y";
  EXPECT_EQ(best(), "y 2 a");
  settings.lowest_is_best = true;
  EXPECT_EQ(best(), "y 0.5 c");
  settings.score = "z";
  EXPECT_EQ(best(), "");
}

}  // namespace
}  // namespace dare::sweep
