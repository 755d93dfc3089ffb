#include "sweep/results.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace dare::sweep {
namespace {

Record record(const std::string& point) {
  Record one;
  one.point = point;
  one.status = Status::done;
  one.identity = "1";
  one.settings = {{"drop_rate", 0.5}, {"models", "a,b"}};
  one.output = point;
  one.hash = "ff";
  return one;
}

TEST(Results, AreARowAPointInTheSweepsOrder) {
  const test::TempFolder folder;
  const Places places{folder.path()};
  std::filesystem::create_directory(places.records);
  auto b = record("b");
  b.scores = {{"accuracy", 0.25}, {"seed", 3}};
  b.settings["seed"] = 1;
  b.times = {{"compute_seconds", to_seconds(std::chrono::duration<double>{1.2500004})}};
  auto c = record("c");
  c.status = Status::failed;
  c.error = "line 1\nsays \"no\"";
  c.output = c.hash = "";
  for (const auto& one : {record("a"), b, c, record("old")}) write_record(places, one);
  std::ofstream{places.records / "torn.json"} << "{\"point\": ";
  const std::vector<std::string> order{"c", "b", "a"};
  Results{places, order}.write();
  EXPECT_EQ(read_text(places.folder / "results.csv"),
            "point,status,drop_rate,models,seed,accuracy,score.seed,compute_seconds,evaluate_seconds,output,xxh3_128,error\n"
            "c,failed,0.5,\"a,b\",,,,,,,,\"line 1\nsays \"\"no\"\"\"\n"
            "b,done,0.5,\"a,b\",1,0.25,3,1.25,,b,ff,\n"
            "a,done,0.5,\"a,b\",,,,,,a,ff,\n"
            "old,withdrawn,0.5,\"a,b\",,,,,,old,ff,\n");
  const auto rows = nlohmann::json::parse(read_text(places.folder / "results.json"));
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[1]["score.seed"], 3);
  EXPECT_EQ(rows[0]["error"], "line 1\nsays \"no\"");
  EXPECT_TRUE(rows[0]["output"].is_null());
  EXPECT_EQ(read_record(places.record("b"))->scores, b.scores);
}

TEST(Results, HaveAColumnAModelWhereModelsDiffer) {
  auto one = record("a");
  auto other = record("b");
  other.settings = {{"drop_rate", nullptr}, {"drop_rate.1", 0.9}, {"drop_rate.2", 0.25}, {"models", "a+b"}};
  EXPECT_EQ(to_csv({&one, &other}),
            "point,status,drop_rate,drop_rate.1,drop_rate.2,models,compute_seconds,evaluate_seconds,output,xxh3_128,error\n"
            "a,done,0.5,0.5,0.5,\"a,b\",,,a,ff,\n"
            "b,done,,0.9,0.25,a+b,,,b,ff,\n");
}

TEST(Results, AScoreHidesNoOtherColumnAndNoneHidesIt) {
  auto one = record("a");
  one.scores = {{"error", 0.1}, {"output", 2}, {"xxh3_128", 3}, {"status", 4}, {"score.error", 5}};
  auto other = record("b");
  other.settings["gamma"] = 0.5;
  other.scores = {{"error", 0.2}};
  one.scores["gamma"] = 6;
  EXPECT_EQ(to_csv({&one, &other}),
            "point,status,drop_rate,models,gamma,score.error,score.output,score.xxh3_128,score.status,score.score.error,score.gamma,"
            "compute_seconds,evaluate_seconds,output,xxh3_128,error\n"
            "a,done,0.5,\"a,b\",,0.1,2,3,4,5,6,,,a,ff,\n"
            "b,done,0.5,\"a,b\",0.5,0.2,,,,,,,,b,ff,\n");
  EXPECT_EQ(nlohmann::json::parse(to_json({&one}))[0]["score.error"], 0.1);
}

TEST(Results, SeeWhatOthersHaveWrittenSince) {
  const test::TempFolder folder;
  const Places places{folder.path()};
  const std::vector<std::string> order{"b", "a"};
  std::filesystem::create_directory(places.records);
  Results results{places, order};
  const auto names = [&] {
    std::string text;
    for (const auto* one : results.read()) text += one->point + one->error;
    return text;
  };
  EXPECT_EQ(names(), "");
  for (const auto* name : {"a", "b", "c"}) write_record(places, record(name));
  EXPECT_EQ(names(), "bac");
  auto changed = record("b");
  changed.error = "?";
  write_record(places, changed);
  std::filesystem::remove(places.record("c"));
  EXPECT_EQ(names(), "b?a");
}

TEST(Record, HasThePlaceOfTheLongestPoint) {
  const test::TempFolder folder;
  const Places places{folder.path()};
  std::filesystem::create_directory(places.records);
  const std::string longest(200, 'p');
  const std::vector<FileText> files{{places.record(longest), "text"}, {places.tensors(longest), "other text"}};
  replace_texts(files);
  for (const auto& one : files) EXPECT_EQ(read_text(one.file), one.text);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{places.records}, {}), 2);
}

TEST(ReplaceTexts, LeavesTheOldOnesAndNothingElseWhereOneCannotBeWritten) {
  const test::TempFolder folder;
  const std::vector<FileText> old{{folder.path() / "a", "old"}};
  replace_texts(old);
  const std::vector<FileText> files{{folder.path() / "a", "new"}, {folder.path() / "missing" / "b", "new"}};
  EXPECT_THROW(replace_texts(files), IoError);
  EXPECT_EQ(read_text(old.front().file), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder.path()}, {}), 1);
}

TEST(Results, OfAnEmptyFolderAreEmpty) {
  EXPECT_EQ(to_csv({}), "point,status,compute_seconds,evaluate_seconds,output,xxh3_128,error\n");
  EXPECT_EQ(to_json({}), "[\n]\n");
}

TEST(Records, OfAKilledRunLeaveNoTexts) {
  const test::TempFolder folder;
  const Places places{folder.path()};
  std::filesystem::create_directory(places.records);
  const auto long_name = "." + std::string(200, 'p') + ".0123456789abcdef";
  for (const auto* name : {".p=0.1.json.0123456789abcdef", ".p.tensors.csv.0123456789abcdef", long_name.c_str()})
    std::ofstream{places.records / name};
  std::ofstream{places.folder / ".results.csv.fedcba9876543210"};
  const std::vector<const char*> others{
      "p.json", ".lock", ".mine.json.0123", ".p.json.0123456789abcdeg", ".0123456789abcdef", "p.json.0123456789abcdef"};
  for (const auto* name : others) std::ofstream{places.records / name};
  remove_cut_texts(places);
  EXPECT_TRUE(std::all_of(others.begin(), others.end(), [&](const auto* name) { return std::filesystem::exists(places.records / name); }));
  const auto count = [](const auto& where) { return std::distance(std::filesystem::directory_iterator{where}, {}); };
  EXPECT_EQ(count(places.records), static_cast<std::ptrdiff_t>(others.size()));
  EXPECT_EQ(count(places.folder), 1);
}

}  // namespace
}  // namespace dare::sweep
