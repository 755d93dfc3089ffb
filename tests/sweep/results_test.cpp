#include "sweep/results.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/file.hpp>

#include <gtest/gtest.h>

#include <fstream>

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
  auto c = record("c");
  c.status = Status::failed;
  c.error = "line 1\nsays \"no\"";
  c.output = c.hash = "";
  for (const auto& one : {record("a"), b, c, record("old")}) write_record(places, one);
  std::ofstream{places.records / "torn.json"} << "{\"point\": ";
  write_results(places, {"c", "b", "a"});
  EXPECT_EQ(read_text(places.folder / "results.csv"),
            "point,status,drop_rate,models,seed,accuracy,score.seed,output,xxh3_128,error\n"
            "c,failed,0.5,\"a,b\",,,,,,\"line 1\nsays \"\"no\"\"\"\n"
            "b,done,0.5,\"a,b\",1,0.25,3,b,ff,\n"
            "a,done,0.5,\"a,b\",,,,a,ff,\n"
            "old,done,0.5,\"a,b\",,,,old,ff,\n");
  const auto rows = nlohmann::json::parse(read_text(places.folder / "results.json"));
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[1]["score.seed"], 3);
  EXPECT_EQ(rows[0]["error"], "line 1\nsays \"no\"");
  EXPECT_TRUE(rows[0]["output"].is_null());
  EXPECT_EQ(read_record(places.record("b"))->scores, b.scores);
}

TEST(Results, OfAnEmptyFolderAreEmpty) {
  EXPECT_EQ(to_csv({}), "point,status,output,xxh3_128,error\n");
  EXPECT_EQ(to_json({}), "[\n]\n");
}

}  // namespace
}  // namespace dare::sweep
