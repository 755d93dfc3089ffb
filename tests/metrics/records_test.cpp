#include "support/temp_folder.hpp"

#include <dare/metrics/align.hpp>
#include <dare/metrics/records.hpp>

#include <gmock/gmock.h>

#include <dare/core/error.hpp>

#include <fstream>

namespace dare::metrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RecordsTest : public testing::Test {
 protected:
  Records read(const std::string& name, const std::string& text, const std::vector<std::string>& headerless = {}) {
    std::ofstream{folder_ / name, std::ios::binary} << text;
    return read_records(folder_ / name, headerless);
  }
  // The error's text, "FOLDER/" left out.
  template <class Body>
  std::string refusal(Body body) {
    try {
      body();
    } catch (const InputError& error) {
      std::string text = error.what();
      const auto prefix = folder_.path().string() + "/";
      for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) text.erase(at, prefix.size());
      return text;
    }
    return "no error";
  }
  std::string read_refusal(const std::string& name, const std::string& text) {
    return refusal([&] { read(name, text); });
  }
  static std::string at(const Records& records, std::size_t i, const std::string& field) { return records.records.at(i).find(field)->text; }

  test::TempFolder folder_;
};

TEST_F(RecordsTest, JsonLines) {
  const auto r =
      read("a.jsonl", "\xEF\xBB\xBF{\"id\": 7, \"x\": \"a\\nb\"}\r\n\n{\"id\": 8, \"x\": [1, \"two\"], \"y\": null, \"z\": true}");
  ASSERT_EQ(r.records.size(), 2U);
  EXPECT_THAT(r.names, ElementsAre("id", "x"));
  EXPECT_EQ(at(r, 0, "id"), "7");
  EXPECT_EQ(at(r, 0, "x"), "a\nb");
  EXPECT_THAT(r.records[1].find("x")->items, ElementsAre("1", "two"));
  EXPECT_EQ(r.records[1].find("y")->kind, Value::Kind::null);
  EXPECT_EQ(r.records[1].find("z")->kind, Value::Kind::boolean);
  EXPECT_EQ(r.where(r.records[1]), (folder_ / "a.jsonl").string() + ": line 3");
  EXPECT_EQ(r.records[0].find("none"), nullptr);
}

TEST_F(RecordsTest, JsonArray) {
  const auto r = read("a.json", "[{\"preference\": 1.5}, {\"preference\": 2}]");
  EXPECT_EQ(at(r, 0, "preference"), "1.5");
  EXPECT_EQ(r.where(r.records[1]), (folder_ / "a.json").string() + ": element 2");
}

TEST_F(RecordsTest, CsvWithQuotes) {
  const auto r = read("a.csv", "id,text\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,plain\n\n3,\n");
  ASSERT_EQ(r.records.size(), 3U);
  EXPECT_EQ(at(r, 0, "text"), "a, \"b\"\r\nc");
  EXPECT_EQ(r.records[1].place, 4U);  // the quoted cell took two lines
  EXPECT_EQ(at(r, 2, "text"), "");
}

TEST_F(RecordsTest, TsvHasNoQuoting) {
  const auto r = read("a.tsv", "sentence\tlabel\n\"It's\t1\nsay \"no\t0\n");
  ASSERT_EQ(r.records.size(), 2U);
  EXPECT_EQ(at(r, 0, "sentence"), "\"It's");
  EXPECT_EQ(at(r, 1, "label"), "0");
}

TEST_F(RecordsTest, TsvWithoutAHeader) {
  const std::vector<std::string> cola{"source", "label", "mark", "sentence"};
  const auto bare = read("dev.tsv", "gj04\t1\t\tOk.\ngj04\t0\t*\tBad ok.\n", cola);
  ASSERT_EQ(bare.records.size(), 2U);
  EXPECT_EQ(at(bare, 1, "label"), "0");
  const auto headed = read("headed.tsv", "source\tlabel\tmark\tsentence\ngj04\t1\t\tOk.\n", cola);
  EXPECT_EQ(headed.records.size(), 1U);
}

TEST_F(RecordsTest, TsvAfterBlankLines) {
  const auto r = read("a.tsv", "\n\na\tb\n1\t2\n");
  ASSERT_EQ(r.records.size(), 1U);
  EXPECT_EQ(at(r, 0, "b"), "2");
  EXPECT_EQ(r.records[0].place, 4U);
  EXPECT_EQ(read_refusal("b.tsv", "\na\ta\n"), "b.tsv: line 2: two columns are named \"a\"; name each once");
}

TEST_F(RecordsTest, NumbersThatAreNoJson) {
  EXPECT_EQ(read_refusal("a.jsonl", "{\"x\": 1}\n{\"x\": NaN}\n"), "a.jsonl: line 2: NaN is no JSON; write null or leave the record out");
  EXPECT_EQ(read_refusal("a.json", "[{\"x\": -Infinity}]"), "a.json: Infinity is no JSON; write null or leave the record out");
}

TEST_F(RecordsTest, PlainLines) {
  const auto r = read("a.txt", "1\n\n0");
  ASSERT_EQ(r.records.size(), 3U);
  EXPECT_EQ(at(r, 1, "value"), "");
}

TEST_F(RecordsTest, EmptyFilesHaveNoRecords) {
  for (const auto* name : {"a.jsonl", "a.csv", "a.tsv", "a.txt"}) EXPECT_THAT(read(name, "").records, IsEmpty());
  EXPECT_THAT(read("a.json", "[]").records, IsEmpty());
}

TEST_F(RecordsTest, BrokenFilesAreNamedWithTheirLine) {
  EXPECT_EQ(refusal([&] { static_cast<void>(read_records(folder_ / "none.csv")); }), "none.csv: no such file");
  EXPECT_EQ(read_refusal("a.xml", ""),
            "a.xml: the name ends in \".xml\", not in .jsonl, .ndjson, .json, .csv, .tsv or .txt; "
            "rename the file by what it holds");
  EXPECT_EQ(read_refusal("a.jsonl", "{\"a\": 1}\n{\"a\": }\n"), "a.jsonl: line 2: not JSON (broken at byte 7 of 7)");
  EXPECT_EQ(read_refusal("a.jsonl", "5\n"),
            "a.jsonl: line 1: found a JSON number, expected an object such as {\"id\": 0, \"prediction\": \"1\"}");
  EXPECT_EQ(read_refusal("a.json", "{}"),
            "a.json: found a JSON object, expected an array of objects; name a file of one object a line .jsonl");
  EXPECT_EQ(read_refusal("a.csv", "a,b\n1,2\n1\n"), "a.csv: line 3: 1 columns, the header has 2");
  EXPECT_EQ(read_refusal("a.csv", "a,b\n\"1,2\n"), "a.csv: line 2: a quoted cell does not end; double the quotes inside a cell");
  EXPECT_EQ(read_refusal("a.csv", "a,b\n\"1\"2,3\n"), "a.csv: line 2: \"2\" follows a closing quote; expected a comma or the line's end");
  EXPECT_EQ(read_refusal("a.tsv", "a\ta\n"), "a.tsv: line 1: two columns are named \"a\"; name each once");
  EXPECT_EQ(read_refusal("a.tsv", "a\tb\n1\t2\t3\n"), "a.tsv: line 2: 3 columns, the header has 2");
}

class AlignTest : public RecordsTest {
 protected:
  // Predictions matched to the references, in the references' order.
  std::vector<std::string> matched(const Records& predictions, const Records& references, const std::string& id = {}) {
    std::vector<std::string> out;
    const auto alignment = align(predictions, references, id);
    for (const auto& pair : alignment.pairs) out.push_back(pair.prediction->find("prediction")->text);
    by_ = alignment.by;
    return out;
  }
  std::string by_;
};

TEST_F(AlignTest, ByIdWhateverTheOrderElseByAGlueIndexElseByPosition) {
  struct Case {
    const char *predictions_name, *predictions, *references_name, *references;
    std::vector<std::string> matched;
    const char* by;
  };
  const std::vector<Case> cases = {
      {"p.csv", "id,prediction\nb,1\na,0\n", "r.jsonl", "{\"id\": \"a\", \"label\": 0}\n{\"id\": \"b\", \"label\": 0}\n", {"0", "1"}, "id"},
      {"p.tsv",
       "index\tprediction\n1\tB\n0\tA\n",
       "r.tsv",
       "id\tis_duplicate\n133273\t0\n402555\t1\n",
       {"A", "B"},
       "index, as the row of REFERENCES"},
      {"p.csv", "prediction\n1\n0\n", "r.csv", "id,label\n4,0\n5,0\n", {"1", "0"}, "position: PREDICTIONS and REFERENCES share no id"},
  };
  for (const auto& it : cases) {
    EXPECT_EQ(matched(read(it.predictions_name, it.predictions), read(it.references_name, it.references)), it.matched) << it.by;
    EXPECT_EQ(by_, it.by);
  }
}

TEST_F(AlignTest, ByTheFieldThatIsNamed) {
  const auto p = read("p.csv", "id,key,prediction\n1,x,1\n2,y,0\n");
  const auto r = read("r.csv", "id,key,label\n1,y,0\n2,x,0\n");
  EXPECT_THAT(matched(p, r, "key"), ElementsAre("0", "1"));
}

TEST_F(AlignTest, MisfitsAreErrors) {
  const auto r = read("r.csv", "id,label\n1,0\n2,0\n3,0\n");
  const auto refused = [&](const std::string& text, const std::string& id = {}) {
    const auto p = read("p.csv", text);
    return refusal([&] { static_cast<void>(align(p, r, id)); });
  };
  EXPECT_EQ(refused("id,prediction\n1,0\n2,0\n1,1\n"),
            "p.csv: line 4: id \"1\" was on line 2 already; keep one prediction for each example");
  EXPECT_EQ(refused("id,prediction\n1,0\n7,0\n9,1\n"),
            "p.csv: line 3: id \"7\" is not among the 3 of r.csv (the first of 2 such); score against the split that was predicted");
  EXPECT_EQ(refused("id,prediction\n2,0\n"),
            "p.csv: no prediction for id \"1\" of r.csv: line 2 (the first of 2 such); predict every example");
  EXPECT_EQ(refused("prediction\n0\n"),
            "p.csv: 1 predictions, r.csv has 3 references, and no id field in both to match them by; predict every example once");
  EXPECT_EQ(refused("id,prediction\n1,0\n", "key"), "p.csv: line 2: no field \"key\"");
  EXPECT_EQ(refused("id,prediction\n"), "p.csv: no records; expected at least one");
}

TEST_F(AlignTest, AFieldMustBeFound) {
  const auto p = read("p.csv", "a,b\n1,0\n");
  EXPECT_EQ(choose_field(p, "", {"x", "b"}, "--f"), "b");
  EXPECT_EQ(choose_field(p, "z", {"b"}, "--f"), "z");
  EXPECT_EQ(refusal([&] {
              static_cast<void>(choose_field(p, "", {"x", "y"}, "--f"));
            }),
            "p.csv: no field x, y; found a, b; name the field with --f");
}

}  // namespace
}  // namespace dare::metrics
